"""A pipe has no length and no position: it is read until its end."""

import os

from case_support import TEXT

CLAUSE = "Optional Platform-Specific File Handling: 'even if the object is not suitable for the platform API'"


def application(environ, start_response):
    reader, writer = os.pipe()
    with open(writer, "wb") as file:
        file.write(b"through a pipe " * 1000)
    start_response("200 OK", TEXT)
    return environ["wsgi.file_wrapper"](open(reader, "rb"), 777)


def check(exchange):
    assert exchange.get().body == b"through a pipe " * 1000

"""If write() was called, the len() of the rest says nothing about the body."""

from case_support import TEXT

CLAUSE = (
    "Handling the Content-Length Header: 'If the application does not call the write() callable, and returns an "
    "iterable whose len() is 1'"
)


def application(environ, start_response):
    write = start_response("200 OK", TEXT)
    write(b"before ")
    return {b"body"} if environ["PATH_INFO"] == "/set" else [b"body"]


def check(exchange):
    for target in ("/set", "/list"):
        response = exchange.get(target)
        assert (response.header("Content-Length"), response.body) == (None, b"before body")

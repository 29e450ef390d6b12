"""KeyboardInterrupt, also in the middle of a body, ends the worker in the same orderly way."""

import os

from case_support import TEXT, Closing

CLAUSE = "Error Handling: any exception that aborts 'the iteration of its return value'"


def application(environ, start_response):
    def pieces():
        yield b"a beginning"
        raise KeyboardInterrupt

    start_response("200 OK", TEXT)
    return Closing(environ, pieces()) if environ["PATH_INFO"] == "/interrupt" else [str(os.getpid()).encode()]


def check(exchange):
    before = exchange.get("/").text
    exchange.cut("/interrupt")
    assert exchange.wait_notes(1) == ["close"]
    exchange.server.wait_until(lambda: exchange.get("/").text != before, 20, "another worker")


LOG = ["application asked to exit, this worker will be replaced", "KeyboardInterrupt"]

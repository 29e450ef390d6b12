"""An iterator may still change the headers while all it has given are empty strings."""

import sys

from case_support import TEXT

CLAUSE = "The start_response() Callable: headers may be replaced 'up until the last possible moment'"


def application(environ, start_response):
    start_response("200 OK", [*TEXT, ("X-First", "yes")])

    def pieces():
        yield b""
        yield b""
        try:
            raise ValueError("changed my mind")
        except ValueError:
            start_response("409 Conflict", TEXT, sys.exc_info())
        yield b"conflict"

    return pieces()


def check(exchange):
    response = exchange.get()
    assert (response.status, response.body) == (409, b"conflict")
    assert response.header("X-First") is None

"""write(b"") sends no headers: they can still be replaced."""

import sys

from case_support import TEXT

CLAUSE = "The start_response() Callable: 'response headers must not be sent until there is actual body data available'"


def application(environ, start_response):
    write = start_response("200 OK", [*TEXT, ("X-First", "yes")])
    write(b"")
    try:
        raise ValueError("changed my mind")
    except ValueError:
        write = start_response("409 Conflict", TEXT, sys.exc_info())
    write(b"conflict")
    return []


def check(exchange):
    response = exchange.get()
    assert (response.status, response.header("X-First"), response.body) == (409, None, b"conflict")

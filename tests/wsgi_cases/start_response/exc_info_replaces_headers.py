"""With exc_info, status and all headers are replaced as long as none were sent, more than once if need be."""

import sys

from case_support import TEXT

CLAUSE = "The start_response() Callable: exc_info 'should replace the currently-stored HTTP response headers'"


def application(environ, start_response):
    start_response("200 OK", [*TEXT, ("X-First", "yes"), ("Content-Length", "1000")])
    for status in ("500 Oops", "418 I'm a teapot"):
        try:
            raise ValueError(status)
        except ValueError:
            start_response(status, [*TEXT, ("X-Last", status)], sys.exc_info())
    return [b"short and stout"]


def check(exchange):
    response = exchange.get()
    assert (response.status, response.body) == (418, b"short and stout")
    assert response.header("X-First") is None
    assert response.header("X-Last") == "418 I'm a teapot"
    assert response.header("Content-Length") != "1000"

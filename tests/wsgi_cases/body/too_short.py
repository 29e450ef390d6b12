"""A body shorter than declared is an error: 500 while nothing was sent, else a connection that ends too early."""

from case_support import TEXT

CLAUSE = (
    "Handling the Content-Length Header: 'the server should close the connection and log or otherwise report the "
    "error'"
)


def application(environ, start_response):
    start_response("200 OK", [*TEXT, ("Content-Length", "10")])
    return [b"body"] if environ["PATH_INFO"] == "/list" else iter([b"bo", b"dy"])


def check(exchange):
    if not exchange.validated:  # which makes it an iterator
        assert exchange.get("/list").status == 500
    received = exchange.cut("/iterator")
    assert b"HTTP/1.1" not in received  # no second response in the middle of the first


LOG = ["AssertionError: the body has 4 bytes, fewer than its Content-Length says"]

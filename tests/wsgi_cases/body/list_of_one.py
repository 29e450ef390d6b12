"""A list of one item has a Content-Length and is not chunked."""

from case_support import TEXT

CLAUSE = "Handling the Content-Length Header: an iterable 'whose len() is 1'"


def application(environ, start_response):
    start_response("200 OK", TEXT)
    return [b"body"]


def check(exchange):
    response = exchange.get()
    assert response.body == b"body"
    if not exchange.validated:  # the validator makes an iterator of it
        assert response.header("Content-Length") == "4"
        assert response.header("Transfer-Encoding") is None

"""Of a body longer than declared the surplus is not sent, an endless iterator is stopped, and the connection lives."""

import itertools

from case_support import TEXT, Closing

CLAUSE = "Handling the Content-Length Header: 'should stop iterating over the response when enough data has been sent'"


def application(environ, start_response):
    start_response("200 OK", [*TEXT, ("Content-Length", "5")])
    if environ["PATH_INFO"] == "/list":
        return [b"abcd", b"efgh", b"ijkl"]
    return Closing(environ, itertools.chain([b"abcd", b"efgh"], itertools.repeat(b"x")))


def check(exchange):
    connection = exchange.connect()
    for target in ("/endless", "/list", "/endless"):
        assert connection.request("GET", target, exchange.headers).body == b"abcde"
    assert exchange.wait_notes(2) == ["close", "close"]

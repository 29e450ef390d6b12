"""The client leaves in the middle: iteration stops, close() is called once."""

import itertools

from case_support import TEXT, Closing

CLAUSE = "Specification Details: 'terminated early due to ... an early disconnect of the browser'"


def application(environ, start_response):
    start_response("200 OK", TEXT)
    return Closing(environ, itertools.repeat(b"x" * 10_000))


def check(exchange):
    connection = exchange.send()
    assert connection.head().status == 200
    connection.close()

    assert exchange.wait_notes(1) == ["close"]
    second = exchange.send()
    second.head()
    second.close()
    assert exchange.wait_notes(2) == ["close", "close"]

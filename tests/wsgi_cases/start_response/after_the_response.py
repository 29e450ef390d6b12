"""Kept beyond its request, start_response() raises RuntimeError and changes nothing of later responses."""

from case_support import TEXT, note, raised

CLAUSE = "The start_response() Callable: it belongs to 'the current invocation of the application'"
KEPT = []


def application(environ, start_response):
    start_response("200 OK", TEXT)
    for old in KEPT:
        note(environ, raised(old, "500 Oops", TEXT))
        note(environ, raised(old, "500 Oops", TEXT, (None, None, None)))
    KEPT[:] = [start_response]
    return [b"fine"]


def check(exchange):
    connection = exchange.connect()
    for _ in range(2):
        assert connection.request("GET", "/", exchange.headers).status == 200
    assert exchange.notes() == ["RuntimeError: start_response() was called after its request had ended"] * 2

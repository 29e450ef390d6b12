"""Kept beyond its request, write() raises BrokenPipeError, an OSError, and sends nothing to anybody."""

from case_support import TEXT, note, raised

CLAUSE = "The write() Callable: it belongs to one response"
KEPT = []


def application(environ, start_response):
    write = start_response("200 OK", [*TEXT, ("Content-Length", "4")])
    for old in KEPT:
        note(environ, raised(old, b"evil").split(":")[0])
    KEPT[:] = [write]
    return [b"fine"]


def check(exchange):
    connection = exchange.connect()
    for _ in range(2):
        assert connection.request("GET", "/", exchange.headers).body == b"fine"
    assert exchange.notes() == ["BrokenPipeError"]

"""A body that the application does not read is discarded, and the connection serves the next request."""

from case_support import TEXT, note

CLAUSE = "Input and Error Streams, note 1: the application need not read; RFC 9112 section 9.3 for what is left"


def application(environ, start_response):
    note(environ, environ["wsgi.input"].read(2).decode())
    start_response("200 OK", TEXT)
    return [b"answered"]


def check(exchange):
    connection = exchange.connect()
    for body in (b"ab", b"cd" * 5_000, b"ef" * 200_000, b"gh"):
        assert connection.request("POST", "/", exchange.headers, body).body == b"answered"

    assert exchange.notes() == ["ab", "cd", "ef", "gh"]

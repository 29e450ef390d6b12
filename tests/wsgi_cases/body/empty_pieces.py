"""Empty pieces in between send nothing and end nothing."""

from case_support import TEXT

CLAUSE = "Middleware Handling of Block Boundaries: 'it must yield an empty bytestring'"


def application(environ, start_response):
    start_response("200 OK", TEXT)
    return iter([b"", b"one ", b"", b"", b"two", b""])


def check(exchange):
    connection = exchange.connect()
    for _ in range(2):
        assert connection.request("GET", "/", exchange.headers).body == b"one two"

"""An exception behind the last declared byte is in the log; the client has its response and its connection."""

from case_support import TEXT

CLAUSE = "Error Handling; Handling the Content-Length Header"


def application(environ, start_response):
    start_response("200 OK", [*TEXT, ("Content-Length", "4")])
    yield b"body"
    raise RuntimeError("afterwards")


def check(exchange):
    connection = exchange.connect()
    for _ in range(2):
        assert connection.request("GET", "/", exchange.headers).body == b"body"


LOG = ["RuntimeError: afterwards"]

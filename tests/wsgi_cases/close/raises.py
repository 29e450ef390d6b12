"""An error in close() is in the log; the response, which was complete, and the worker are not affected."""

from case_support import TEXT, Closing

CLAUSE = "Error Handling: servers 'should trap and log any exception'"


def fails():
    raise ZeroDivisionError("in close")


def application(environ, start_response):
    start_response("200 OK", TEXT)
    return Closing(environ, [b"complete"], fails)


def check(exchange):
    connection = exchange.connect()
    for _ in range(2):
        assert connection.request("GET", "/", exchange.headers).body == b"complete"
    assert exchange.wait_notes(2) == ["close", "close"]


LOG = ["ZeroDivisionError: in close"]

"""If that error ends the application, the log has it, and the client nevertheless its complete response."""

from case_support import TEXT

CLAUSE = "Handling the Content-Length Header: 'should not transmit more bytes to the client than the header allows'"


def application(environ, start_response):
    write = start_response("200 OK", [*TEXT, ("Content-Length", "3")])
    write(b"abcdef")
    return [b"never"]


def check(exchange):
    connection = exchange.connect()
    for _ in range(2):
        assert connection.request("GET", "/", exchange.headers).body == b"abc"


LOG = [r"AssertionError: write\(\) was given more bytes than the Content-Length says"]

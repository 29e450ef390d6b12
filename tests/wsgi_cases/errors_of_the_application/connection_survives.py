"""After a 500 the same connection, and the same process, serve the next request."""

import os

from case_support import TEXT

CLAUSE = "Error Handling; RFC 9112 section 9.3"


def application(environ, start_response):
    if environ["PATH_INFO"] == "/fails":
        raise RuntimeError("once")
    start_response("200 OK", TEXT)
    return [str(os.getpid()).encode()]


def check(exchange):
    connection = exchange.connect()
    before = connection.request("GET", "/", exchange.headers).body
    assert connection.request("POST", "/fails", exchange.headers, b"unread body").status == 500
    assert connection.request("GET", "/", exchange.headers).body == before


LOG = ["RuntimeError: once"]

"""'100 Continue' is sent when the application reads, and not if it never does: it can refuse an upload unseen."""

from case_support import TEXT, note

CLAUSE = "HTTP 1.1 Expect/Continue, way 2: 'if/when the application first attempts to read from the input stream'"


def application(environ, start_response):
    body = environ["wsgi.input"].read(4) if environ["PATH_INFO"] == "/read" else b""
    note(environ, body.decode())
    start_response("200 OK", TEXT)
    return [b"done"]


def check(exchange):
    headers = [("Expect", "100-continue"), ("Content-Length", "100000")]

    unread = exchange.send("POST", "/ignore", headers)
    assert unread.head().status == 200  # no 100 before it

    read = exchange.send("POST", "/read", headers)
    assert read.head().status == 100
    read.send(b"x" * 100_000)
    assert read.response().body == b"done"

    assert exchange.notes() == ["", "xxxx"]

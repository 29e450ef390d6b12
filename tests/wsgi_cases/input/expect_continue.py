"""A client that waits for '100 Continue' gets it when the application reads; the read then has the body."""

from case_support import TEXT, note

CLAUSE = "HTTP 1.1 Expect/Continue: servers 'must provide transparent support'"


def application(environ, start_response):
    note(environ, environ["wsgi.input"].read(4).decode())
    start_response("200 OK", TEXT)
    return [b"done"]


def check(exchange):
    connection = exchange.send("POST", headers=[("Expect", "100-continue"), ("Content-Length", "4")])
    assert connection.head().status == 100
    connection.send(b"body")
    assert connection.response().body == b"done"

    assert exchange.notes() == ["body"]

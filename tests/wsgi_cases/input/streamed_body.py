"""With http.stream_body a large body reaches the application while the client still sends it."""

from case_support import TEXT, note

CLAUSE = "environ Variables: wsgi.input; the server 'may perform reads on-demand as requested by the application'"
CONFIG = {"http": {"stream_body": True}}


def application(environ, start_response):
    note(environ, environ["CONTENT_LENGTH"])
    note(environ, len(environ["wsgi.input"].read(1000)))
    rest = 0
    while piece := environ["wsgi.input"].read(65536):
        rest += len(piece)
    note(environ, rest)
    start_response("200 OK", TEXT)
    return [b"done"]


def check(exchange):
    connection = exchange.send("POST", headers=[("Content-Length", "200000")], body=b"x" * 100_000)
    assert exchange.wait_notes(2) == ["200000", 1000]  # half of it is not even sent
    connection.send(b"x" * 100_000)

    assert connection.response().body == b"done"
    assert exchange.notes()[2:] == [199_000]

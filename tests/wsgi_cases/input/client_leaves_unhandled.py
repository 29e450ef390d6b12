"""An application that does not catch that error is no reason for a traceback: nobody made a mistake."""

from case_support import TEXT, note, noter

CLAUSE = "Error Handling: servers 'should trap and log any exception'; a departure is told by the access log"
CONFIG = {"http": {"stream_body": True}}


def application(environ, start_response):
    seen = noter(environ)
    note(environ, "reads")
    try:
        environ["wsgi.input"].read(200_000)
    finally:
        seen("stopped")
    start_response("200 OK", TEXT)
    return [b""]


def check(exchange):
    connection = exchange.send("POST", headers=[("Content-Length", "200000")], body=b"x" * 100_000)
    exchange.wait_notes(1)
    connection.close()

    assert exchange.wait_notes(2) == ["reads", "stopped"]

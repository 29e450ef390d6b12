"""If the client leaves in the middle of its body, reading raises ConnectionResetError, and that again and again."""

from case_support import TEXT, noter, raised

CLAUSE = "Input and Error Streams: read(size) as the library has it: an OSError, not a short body that looks complete"
CONFIG = {"http": {"stream_body": True}}


def application(environ, start_response):
    note, stream = noter(environ), environ["wsgi.input"]
    note(len(stream.read(1000)))
    for read in (lambda: stream.read(200_000), lambda: stream.read(1), stream.readline, stream.readlines):
        note(raised(read))
    start_response("200 OK", TEXT)
    return [b"nobody reads this"]


def check(exchange):
    connection = exchange.send("POST", headers=[("Content-Length", "200000")], body=b"x" * 100_000)
    assert exchange.wait_notes(1) == [1000]
    connection.close()

    said = exchange.wait_notes(5)[1:]
    assert said == ["ConnectionResetError: the client left before its request body was complete"] * 4

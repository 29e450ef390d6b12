"""Kept beyond its request, the stream raises ValueError, as a closed file does, and gives nothing of later requests."""

from case_support import TEXT, note, raised

CLAUSE = "Input and Error Streams; io.IOBase: ValueError on a closed stream"
KEPT = []


def application(environ, start_response):
    for stream in KEPT:
        calls = [lambda: stream.read(1), stream.readline, stream.readlines, lambda: list(stream)]
        note(environ, [raised(call) for call in calls])
    KEPT[:] = [environ["wsgi.input"]]
    start_response("200 OK", TEXT)
    return [b""]


def check(exchange):
    connection = exchange.connect()
    connection.request("POST", "/", exchange.headers, b"first")
    connection.request("POST", "/", exchange.headers, b"second")

    assert exchange.notes() == [["ValueError: wsgi.input was read after its request had ended"] * 4]

"""read(n) gives n bytes as long as there are n, whatever pieces they came in."""

from case_support import TEXT, note

CLAUSE = "Input and Error Streams: read(size), 'as documented in the Python Library Reference'"


def application(environ, start_response):
    stream, sizes = environ["wsgi.input"], []
    while piece := stream.read(7):
        sizes.append(len(piece))
    note(environ, sizes)
    start_response("200 OK", TEXT)
    return [b""]


def check(exchange):
    exchange.request("POST", body=b"x" * 20)
    exchange.send_chunked([b"x"] * 20).response()

    assert exchange.notes() == [[7, 7, 6]] * 2

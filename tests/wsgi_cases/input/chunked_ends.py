"""A chunked body has an end for the application, which may read until there is no more: wsgi.input_terminated."""

from case_support import TEXT, note

CLAUSE = "Other HTTP Features: decoding any inbound Transfer-Encoding; wsgi.input_terminated as Werkzeug defines it"
CONFIG = {"http": {"stream_body": True}}


def application(environ, start_response):
    stream = environ["wsgi.input"]
    note(environ, [environ["wsgi.input_terminated"], environ.get("HTTP_TRANSFER_ENCODING")])
    length = 0
    while piece := stream.read(50_000):
        length += len(piece)
    start_response("200 OK", TEXT)
    return [str(length).encode()]


def check(exchange):
    for count in (0, 1, 200):
        assert exchange.send_chunked([b"x" * 1000] * count).response().text == str(1000 * count)

    assert exchange.notes() == [[True, None]] * 3

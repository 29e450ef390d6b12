"""read(0) and readline(0) give nothing and take nothing."""

from case_support import TEXT, note

CLAUSE = "Input and Error Streams: read(size), readline(size)"


def application(environ, start_response):
    stream = environ["wsgi.input"]
    note(environ, [stream.read(0).decode(), stream.readline(0).decode(), stream.read(10).decode()])
    start_response("200 OK", TEXT)
    return [b""]


def check(exchange):
    exchange.request("POST", body=b"body")

    assert exchange.notes() == [["", "", "body"]]

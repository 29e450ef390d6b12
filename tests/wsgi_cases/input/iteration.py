"""Iterating over the stream gives its lines, from wherever it stands."""

from case_support import TEXT, note

CLAUSE = "Input and Error Streams: __iter__()"


def application(environ, start_response):
    stream = environ["wsgi.input"]
    stream.read(2)
    note(environ, [line.decode() for line in stream])
    start_response("200 OK", TEXT)
    return [b""]


def check(exchange):
    exchange.request("POST", body=b"abc\n\nd")

    assert exchange.notes() == [["c\n", "\n", "d"]]

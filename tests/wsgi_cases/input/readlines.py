"""readlines() gives all lines; with a hint, whole lines until they hold that many bytes."""

from case_support import TEXT, note

CLAUSE = "Input and Error Streams, note 3: the hint of readlines() is optional; io.IOBase.readlines for its meaning"


def application(environ, start_response):
    stream = environ["wsgi.input"]
    note(environ, [line.decode() for line in stream.readlines(5)])
    note(environ, [line.decode() for line in stream.readlines()])
    start_response("200 OK", TEXT)
    return [b""]


def check(exchange):
    exchange.request("POST", body=b"a\nbcd\nef\n\nghi")

    assert exchange.notes() == [["a\n", "bcd\n"], ["ef\n", "\n", "ghi"]]

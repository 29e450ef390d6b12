"""Without a body every way of reading finds the end at once."""

from case_support import TEXT, note

CLAUSE = "Input and Error Streams, note 1: empty bytestrings 'from an empty or exhausted input stream'"


def application(environ, start_response):
    stream = environ["wsgi.input"]
    note(environ, [stream.read(1).decode(), stream.readline().decode(), stream.readlines(), list(stream)])
    start_response("200 OK", TEXT)
    return [b""]


def check(exchange):
    exchange.get()
    exchange.request("POST", headers=[("Content-Length", "0")])

    assert exchange.notes() == [["", "", [], []]] * 2

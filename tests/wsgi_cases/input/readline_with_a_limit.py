"""readline(limit) stops at the limit or behind the newline, whichever comes first, and goes on from there."""

from case_support import TEXT, note

CLAUSE = "Input and Error Streams, note 2: servers 'should support the optional \"size\" argument to readline()'"


def application(environ, start_response):
    stream = environ["wsgi.input"]
    note(environ, [stream.readline(size).decode() for size in (2, 3, 4, 100, -1, 3)])
    start_response("200 OK", TEXT)
    return [b""]


def check(exchange):
    exchange.request("POST", body=b"abcd\nefg\nhi\njkl\nm")

    assert exchange.notes() == [["ab", "cd\n", "efg\n", "hi\n", "jkl\n", "m"]]

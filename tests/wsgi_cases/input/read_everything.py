"""read() without a size, with None and with -1 gives the rest of the body."""

from case_support import TEXT, note

CLAUSE = "Input and Error Streams, note 1: servers 'should allow read() to be called without an argument'"
VALIDATOR_SAYS = "AssertionError"  # it insists on a size


def application(environ, start_response):
    stream = environ["wsgi.input"]
    size = {"/none": (None,), "/minus": (-1,), "/": ()}[environ["PATH_INFO"]]
    note(environ, [stream.read(3).decode(), stream.read(*size).decode(), stream.read(*size).decode()])
    start_response("200 OK", TEXT)
    return [b""]


def check(exchange):
    for target in ("/", "/none", "/minus"):
        exchange.request("POST", target, body=b"abcdef\nghi")

    assert exchange.notes() == [["abc", "def\nghi", ""]] * 3

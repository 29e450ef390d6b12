"""Subclasses of bytes are bytes, whatever else they can do."""

from case_support import TEXT

CLAUSE = "Unicode Issues: 'must be of type bytes'; what isinstance() accepts is accepted"
VALIDATOR_SAYS = "AssertionError: Iterator yielded non-bytestring"  # it insists on the exact type


class Marked(bytes):
    def __len__(self):
        return 1000

    def __bytes__(self):
        return b"other"


def application(environ, start_response):
    start_response("200 OK", TEXT)
    pieces = [Marked(b"marked "), b"plain"]
    return pieces if environ["PATH_INFO"] == "/list" else iter(pieces)


def check(exchange):
    assert exchange.get("/list").body == b"marked plain"
    assert exchange.get("/iterator").body == b"marked plain"

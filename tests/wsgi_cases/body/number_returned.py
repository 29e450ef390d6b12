"""What cannot be iterated over is named by its type."""

from case_support import TEXT

CLAUSE = "Specification Details: 'an iterable yielding zero or more bytestrings'"
BARE_ONLY = "the validator trips over it itself"


def application(environ, start_response):
    start_response("200 OK", TEXT)
    return 42


def check(exchange):
    assert exchange.get().status == 500


LOG = ["TypeError: the application returned int, which is not an iterable of bytes objects"]

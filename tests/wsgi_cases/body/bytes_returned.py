"""bytes instead of a list of them iterate as numbers; the error says what to return."""

from case_support import TEXT

CLAUSE = "Specification Details: 'an iterable yielding zero or more bytestrings'"
VALIDATOR_SAYS = "AssertionError: You should not return a string as your application iterator"


def application(environ, start_response):
    start_response("200 OK", TEXT)
    return b"bytes"


def check(exchange):
    assert exchange.get().status == 500


LOG = [r"TypeError: the application returned bytes; return a list of bytes objects, \[body\]"]

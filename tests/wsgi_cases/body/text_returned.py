"""A str instead of an iterable of bytes is the most common mistake; the error says what to return."""

from case_support import TEXT

CLAUSE = "Specification Details: 'an iterable yielding zero or more bytestrings'"
VALIDATOR_SAYS = "AssertionError: You should not return a string as your application iterator"


def application(environ, start_response):
    start_response("200 OK", TEXT)
    return "text"


def check(exchange):
    assert exchange.get().status == 500


LOG = [r"TypeError: the application returned str; return a list of bytes objects, \[body\]"]

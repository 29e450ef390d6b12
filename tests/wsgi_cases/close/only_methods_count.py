"""Something called close that cannot be called is an error in the log, not the end of the worker."""

from case_support import TEXT

CLAUSE = "Specification Details: 'If the iterable returned by the application has a close() method'"


class Odd:
    close = "not a method"

    def __iter__(self):
        return iter([b"body"])


def application(environ, start_response):
    start_response("200 OK", TEXT)
    return Odd()


def check(exchange):
    assert exchange.get().body == b"body"
    assert exchange.get().body == b"body"


LOG = ["TypeError: 'str' object is not callable"]

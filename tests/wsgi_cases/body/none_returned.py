"""A forgotten return statement is named."""

from case_support import TEXT

CLAUSE = "The write() Callable: 'An application must return an iterable object, even if it uses write()'"
VALIDATOR_SAYS = "AssertionError: The application must return an iterator"


def application(environ, start_response):
    write = start_response("200 OK", TEXT)
    if environ["PATH_INFO"] == "/written":
        write(b"sent already")


def check(exchange):
    assert exchange.get().status == 500


LOG = ["TypeError: the application returned None, which is not an iterable of bytes objects"]

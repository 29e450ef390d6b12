"""exc_info without an exception is an error of its own once the headers are out: there is nothing to raise."""

import sys

from case_support import TEXT, note, raised

CLAUSE = "The start_response() Callable: with headers sent it 'must raise an error'"


def application(environ, start_response):
    write = start_response("200 OK", TEXT)
    write(b"sent")
    note(environ, sys.exc_info() == (None, None, None))
    note(environ, raised(start_response, "500 Oops", TEXT, sys.exc_info()))
    raise RuntimeError("so the application gives up")


def check(exchange):
    exchange.cut()
    said = "AssertionError: the headers were sent already, and exc_info holds no exception to raise"
    assert exchange.notes() == [True, said]


LOG = ["RuntimeError: so the application gives up"]

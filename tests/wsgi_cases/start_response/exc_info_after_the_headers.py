"""Once headers were sent, exc_info is raised as it is: the same object with the traceback from where it came."""

import sys
import traceback

from case_support import TEXT, note

CLAUSE = "The start_response() Callable: 'raise exc_info[1].with_traceback(exc_info[2])'"


def where_it_came_from():
    raise LookupError("the headers are out")


def application(environ, start_response):
    write = start_response("200 OK", TEXT)
    write(b"a beginning")
    try:
        where_it_came_from()
    except LookupError as error:
        try:
            start_response("500 Oops", TEXT, sys.exc_info())
        except LookupError as again:
            note(environ, again is error)
            note(environ, [frame.name for frame in traceback.extract_tb(again.__traceback__)][-1])
            raise
    return [b"never"]


def check(exchange):
    received = exchange.cut()
    assert b"0\r\n\r\n" not in received
    assert exchange.notes() == [True, "where_it_came_from"]


LOG = ["LookupError: the headers are out"]

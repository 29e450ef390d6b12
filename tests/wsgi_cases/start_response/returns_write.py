"""start_response() takes two or three arguments by position and returns a callable."""

from case_support import TEXT, note

CLAUSE = "The start_response() Callable: 'it must return a write(body_data) callable'"


def application(environ, start_response):
    write = start_response("200 OK", TEXT, None)
    note(environ, callable(write))
    return [b"fine"]


def check(exchange):
    assert exchange.get().body == b"fine"
    assert exchange.notes() == [True]

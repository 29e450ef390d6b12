"""Errors in the iterator and in its close() are both in the log, in that order."""

from case_support import TEXT, Closing

CLAUSE = "Error Handling: servers 'should trap and log any exception'"


def in_close():
    raise ZeroDivisionError("second")


def application(environ, start_response):
    def pieces():
        raise RuntimeError("first")
        yield

    start_response("200 OK", TEXT)
    return Closing(environ, pieces(), in_close)


def check(exchange):
    assert exchange.get().status == 500
    exchange.wait_log("(?s)RuntimeError: first.*ZeroDivisionError: second")


LOG = ["RuntimeError: first", "ZeroDivisionError: second"]

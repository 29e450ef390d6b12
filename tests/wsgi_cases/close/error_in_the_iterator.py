"""An iterator that raises is closed, once, before its request ends."""

from case_support import TEXT, Closing

CLAUSE = "Specification Details: 'terminated early due to an application error during iteration'"


def application(environ, start_response):
    def pieces():
        if environ["PATH_INFO"] == "/late":
            yield b"a beginning"
        raise RuntimeError("in the iterator")

    start_response("200 OK", TEXT)
    return Closing(environ, pieces())


def check(exchange):
    assert exchange.get("/early").status == 500
    exchange.cut("/late")
    assert exchange.wait_notes(2) == ["close", "close"]


LOG = ["RuntimeError: in the iterator"]

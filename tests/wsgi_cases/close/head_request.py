"""HEAD closes the iterable it does not use up."""

from case_support import TEXT, Closing

CLAUSE = "Specification Details: 'upon completion of the current request'"


def application(environ, start_response):
    start_response("200 OK", TEXT)
    return Closing(environ, [b"a", b"b", b"c"])


def check(exchange):
    assert exchange.request("HEAD").status == 200
    assert exchange.wait_notes(1) == ["close"]
    assert exchange.get().body == b"abc"
    assert exchange.wait_notes(2) == ["close", "close"]

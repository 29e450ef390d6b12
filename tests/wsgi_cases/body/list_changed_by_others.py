"""A list that another thread changes while it is sent is sent as it was returned."""

from case_support import TEXT

CLAUSE = "Specification Details: the iterable is the server's once it is returned"
BODY = b"x" * 3_000_000


def application(environ, start_response):
    pieces = [BODY]

    class Shrinking(list):
        def __iter__(self):
            while self:
                yield self.pop()

    start_response("200 OK", TEXT)
    return pieces if environ["PATH_INFO"] == "/list" else Shrinking(pieces * 2)


def check(exchange):
    assert len(exchange.get("/list").body) == len(BODY)
    assert len(exchange.get("/shrinking").body) == 2 * len(BODY)

"""start_response() may be called by the iterator's first step instead of the application."""

from case_support import TEXT

CLAUSE = "Specification Details: 'this invocation may be performed by the iterable's first iteration'"


def application(environ, start_response):
    def pieces():
        start_response("202 Accepted", [*TEXT, ("X-Late", "yes")])
        yield b""
        yield b"late"

    return pieces()


def check(exchange):
    response = exchange.get()
    assert (response.status, response.header("X-Late"), response.body) == (202, "yes", b"late")

"""An application that returns without calling it gets an error that says so, and the client a 500."""

CLAUSE = (
    "Specification Details: 'Applications must invoke start_response() before the iterable yields its first body "
    "bytestring'"
)


def application(environ, start_response):
    return [] if environ["PATH_INFO"] == "/empty" else iter([])


def check(exchange):
    assert exchange.get("/empty").status == 500
    assert exchange.get("/iterator").status == 500


LOG = [r"AssertionError: the application returned without calling start_response\(\)"]

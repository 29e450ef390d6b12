"""A second call without exc_info is an error, and the response is 500 although the first was fine."""

from case_support import TEXT

CLAUSE = "The start_response() Callable: 'a fatal error to call start_response without the exc_info argument' again"


def application(environ, start_response):
    start_response("200 OK", TEXT)
    start_response("200 OK", TEXT)
    return [b"not sent"]


def check(exchange):
    assert exchange.get().status == 500


LOG = [r"AssertionError: start_response\(\) was called twice"]

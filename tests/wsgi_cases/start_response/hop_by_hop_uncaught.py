"""An application that sets Connection itself gets its mistake with the line that made it, and the client a 500."""

from case_support import TEXT

CLAUSE = "The start_response() Callable: 'so that an error can be raised while the application is still running'"


def application(environ, start_response):
    start_response("200 OK", [*TEXT, ("Connection", "close")])
    return [b"not sent"]


def check(exchange):
    assert exchange.get().status == 500
    exchange.wait_log(r"hop_by_hop_uncaught\.py\", line \d+, in application")


LOG = [r"ValueError: a hop-by-hop header is the server's to send \(PEP 3333\): \('Connection', 'close'\)"]

"""An empty body is one of length 0, whatever kind of iterable gives nothing."""

from case_support import TEXT

CLAUSE = "The start_response() Callable: headers are sent when 'the application's returned iterable is exhausted'"


def application(environ, start_response):
    start_response("200 OK", TEXT)
    return {
        "/list": lambda: [],
        "/strings": lambda: [b"", b""],
        "/iterator": lambda: iter([]),
        "/empty-pieces": lambda: iter([b"", b"", b""]),
    }[environ["PATH_INFO"]]()


def check(exchange):
    connection = exchange.connect()
    for target in ("/list", "/strings", "/iterator", "/empty-pieces"):
        response = connection.request("GET", target, exchange.headers)
        assert (response.status, response.header("Content-Length"), response.body) == (200, "0", b"")

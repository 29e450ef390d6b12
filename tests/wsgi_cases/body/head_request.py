"""HEAD has the headers of GET and no body; an endless iterator is asked for one piece at most."""

import itertools

from case_support import TEXT, Closing

CLAUSE = "RFC 9110 section 9.3.2; Handling the Content-Length Header"


def application(environ, start_response):
    path = environ["PATH_INFO"]
    start_response("200 OK", [*TEXT, *([("Content-Length", "1000")] if path == "/declared" else [])])
    return {
        "/list": lambda: [b"body"],
        "/none": lambda: [],
        "/declared": lambda: [],
        "/endless": lambda: Closing(environ, itertools.repeat(b"x" * 1000)),
    }[path]()


def check(exchange):
    connection = exchange.connect()
    for target, length in (("/list", "4"), ("/none", None), ("/declared", "1000"), ("/endless", None)):
        response = connection.request("HEAD", target, exchange.headers)
        assert response.status == 200
        if not (exchange.validated and target == "/list"):  # the validator makes an iterator of it
            assert response.header("Content-Length") == length, target
    assert connection.request("GET", "/list", exchange.headers).body == b"body"
    assert exchange.wait_notes(1) == ["close"]

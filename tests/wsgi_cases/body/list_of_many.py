"""Lists and tuples of any length have a Content-Length: all of it is there."""

from case_support import TEXT

CLAUSE = "Handling the Content-Length Header: the server may 'generate a Content-Length header'"


def application(environ, start_response):
    start_response("200 OK", TEXT)
    pieces = [b"one ", b"", b"two ", b"three"]
    return tuple(pieces) if environ["PATH_INFO"] == "/tuple" else pieces


def check(exchange):
    for target in ("/list", "/tuple"):
        response = exchange.get(target)
        assert response.body == b"one two three"
        if not exchange.validated:  # the validator makes an iterator of it
            assert response.header("Content-Length") == "13"

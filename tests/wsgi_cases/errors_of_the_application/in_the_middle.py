"""An exception after the headers cuts the connection: no client can take what it has for the whole."""

from case_support import TEXT

CLAUSE = "Error Handling: 'The server or gateway can then trap this (fatal) exception and abort the response.'"


def application(environ, start_response):
    sized = environ["PATH_INFO"] == "/sized"
    start_response("200 OK", [*TEXT, *([("Content-Length", "100")] if sized else [])])
    yield b"a beginning"
    raise RuntimeError("in the middle")


def check(exchange):
    for target in ("/chunked", "/sized"):
        assert b"0\r\n\r\n" not in exchange.cut(target)


LOG = ["RuntimeError: in the middle"]

"""memoryview and bytearray are refused as well: what WSGI says is bytes."""

from case_support import TEXT

CLAUSE = "Unicode Issues: 'must be of type bytes under Python 3'"
VALIDATOR_SAYS = "AssertionError: Iterator yielded non-bytestring"


def application(environ, start_response):
    start_response("200 OK", TEXT)
    return [bytearray(b"array")] if environ["PATH_INFO"] == "/array" else [memoryview(b"view")]


def check(exchange):
    assert exchange.get("/view").status == 500
    assert exchange.get("/array").status == 500


LOG = ["bytes objects, not memoryview", "bytes objects, not bytearray"]

"""A piece that is no bytes object is an error that names its type: 500 before the headers, a cut after them."""

from case_support import TEXT

CLAUSE = "Unicode Issues: values 'yielded by the application ... must be of type bytes under Python 3'"
VALIDATOR_SAYS = "AssertionError: Iterator yielded non-bytestring"


def application(environ, start_response):
    start_response("200 OK", TEXT)
    return {"/list": [b"one", "two"], "/iterator": iter(["one"]), "/late": iter([b"one", "two"])}.get(
        environ["PATH_INFO"], ["text"]
    )


def check(exchange):
    assert exchange.get("/list").status == 500
    assert exchange.get("/iterator").status == 500
    exchange.cut("/late")


LOG = ["TypeError: the body of a response is made of bytes objects, not str"]

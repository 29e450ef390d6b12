"""When the client has a body of declared length, close() need not have run; a chunked one ends behind it."""

from case_support import TEXT, Closing, wait_at_gate

CLAUSE = "Specification Details: close() completes the request; Buffering and Streaming: no block is delayed"


def application(environ, start_response):
    sized = environ["PATH_INFO"] == "/sized"
    start_response("200 OK", [*TEXT, *([("Content-Length", "4")] if sized else [])])
    return Closing(environ, [b"body"], lambda: wait_at_gate(environ, "sized" if sized else "chunked"))


def check(exchange):
    sized = exchange.send("GET", "/sized")
    assert sized.response().body == b"body"
    exchange.open_gate("sized")

    chunked = exchange.send("GET", "/chunked")
    chunked.head()
    assert chunked.chunk() == b"body"
    exchange.open_gate("chunked")
    assert chunked.chunk() == b""
    assert exchange.notes() == ["close", "close"]

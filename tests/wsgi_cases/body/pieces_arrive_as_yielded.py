"""Each piece reaches the client before the next is asked for, with and without Content-Length."""

from case_support import TEXT, wait_at_gate

CLAUSE = "Buffering and Streaming: servers 'must not delay the transmission of any block'"


def application(environ, start_response):
    start_response("200 OK", [*TEXT, *([("Content-Length", "9")] if environ["PATH_INFO"] == "/sized" else [])])

    def pieces():
        for name in ("one", "two"):
            yield name.encode()
            wait_at_gate(environ, name + environ["PATH_INFO"][1:])
        yield b"end"

    return pieces()


def check(exchange):
    chunked = exchange.send("GET", "/chunked")
    chunked.head()
    for name in ("one", "two"):
        assert chunked.chunk() == name.encode()
        exchange.open_gate(name + "chunked")
    assert [chunked.chunk(), chunked.chunk()] == [b"end", b""]

    sized = exchange.send("GET", "/sized")
    sized.head()
    for name in ("one", "two"):
        assert sized.take(3) == name.encode()
        exchange.open_gate(name + "sized")
    assert sized.take(3) == b"end"

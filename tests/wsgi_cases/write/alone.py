"""write() may give the whole body: the returned iterable has nothing to add, but it must be there."""

from case_support import TEXT

CLAUSE = "The write() Callable: 'The returned iterable may be empty'"


def application(environ, start_response):
    write = start_response("200 OK", [*TEXT, *([("Content-Length", "9")] if environ["PATH_INFO"] == "/sized" else [])])
    for piece in (b"all ", b"of ", b"it"):
        write(piece)
    return []


def check(exchange):
    assert exchange.get("/chunked").body == b"all of it"
    assert exchange.get("/sized").body == b"all of it"
    assert exchange.get("/chunked", version="HTTP/1.0").body == b"all of it"

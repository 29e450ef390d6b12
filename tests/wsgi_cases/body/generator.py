"""An iterator's pieces go out as chunks, each as it was yielded; to HTTP/1.0, until the end of the connection."""

from case_support import TEXT

CLAUSE = (
    "Handling the Content-Length Header: 'send a chunk for each write() call or bytestring yielded by the "
    "iterable'"
)


def application(environ, start_response):
    start_response("200 OK", TEXT)
    return (b"piece %d" % number for number in range(3))


def check(exchange):
    connection = exchange.send()
    assert connection.head().header("Transfer-Encoding") == "chunked"
    assert [connection.chunk() for _ in range(4)] == [b"piece 0", b"piece 1", b"piece 2", b""]

    old = exchange.get(version="HTTP/1.0")
    assert (old.header("Transfer-Encoding"), old.body) == (None, b"piece 0piece 1piece 2")

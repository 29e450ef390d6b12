"""What write() was given comes first, then what is returned; both are one body."""

from case_support import TEXT

CLAUSE = (
    "The write() Callable: 'any bytestrings yielded by the iterable are transmitted after all bytestrings passed "
    "to write()'"
)


def application(environ, start_response):
    write = start_response("200 OK", TEXT)
    write(b"one ")
    write(b"")
    write(b"two ")
    rest = [b"three ", b"", b"four"]
    return rest if environ["PATH_INFO"] == "/list" else iter(rest)


def check(exchange):
    assert exchange.get("/list").body == b"one two three four"
    assert exchange.get("/iterator").body == b"one two three four"

"""Calling write() from the iterator is against the rules, but loses and reorders nothing."""

from case_support import TEXT

CLAUSE = "The write() Callable: 'Applications must not invoke write() from within their return iterable'"


def application(environ, start_response):
    write = start_response("200 OK", TEXT)

    def pieces():
        for number in range(3):
            write(b"w%d " % number)
            yield b"y%d " % number

    return pieces()


def check(exchange):
    assert exchange.get().body == b"w0 y0 w1 y1 w2 y2 "

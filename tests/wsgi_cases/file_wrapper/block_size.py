"""read() of what is no real file is called with the block size, 8192 if none is given, until it gives nothing."""

from case_support import TEXT, noter

CLAUSE = "Optional Platform-Specific File Handling: 'an optional block size \"suggestion\"'"


class Source:
    """Has no close()."""

    def __init__(self, note):
        self.note, self.left = note, 3

    def read(self, size):
        self.note(size)
        self.left -= 1
        return b"x" * min(size, 10) if self.left > 0 else b""


def application(environ, start_response):
    given = {"/default": (), "/given": (4,)}[environ["PATH_INFO"]]
    start_response("200 OK", TEXT)
    return environ["wsgi.file_wrapper"](Source(noter(environ)), *given)


def check(exchange):
    assert exchange.get("/default").body == b"x" * 20
    assert exchange.get("/given").body == b"x" * 8
    assert exchange.notes() == [8192] * 3 + [4] * 3

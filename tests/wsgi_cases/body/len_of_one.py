"""Any iterable whose len() is 1 has the Content-Length of its only piece."""

from case_support import TEXT

CLAUSE = "Handling the Content-Length Header: 'taking the length of the first bytestring yielded by the iterable'"


class One:
    def __init__(self, pieces):
        self.pieces = pieces

    def __len__(self):
        return len(self.pieces)

    def __iter__(self):
        return iter(self.pieces)


class Lazy(One):
    def __len__(self):
        raise TypeError("not known yet")


def application(environ, start_response):
    start_response("200 OK", TEXT)
    return {
        "/one": lambda: One([b"body"]),
        "/set": lambda: {b"body"},
        "/two": lambda: One([b"bo", b"dy"]),
        "/lazy": lambda: Lazy([b"body"]),
    }[environ["PATH_INFO"]]()


def check(exchange):
    for target, length in (("/one", "4"), ("/set", "4"), ("/two", None), ("/lazy", None)):
        response = exchange.get(target)
        assert response.body == b"body"
        if not exchange.validated:  # the validator hides the len()
            assert response.header("Content-Length") == length

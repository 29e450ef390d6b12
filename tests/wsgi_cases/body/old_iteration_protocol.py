"""An object with __getitem__ alone is an iterable too."""

from case_support import TEXT

CLAUSE = "Supporting Older (<2.2) Versions of Python: 'accepts an integer key, and raises IndexError when exhausted'"


class Old:
    def __getitem__(self, index):
        if index == 3:
            raise IndexError
        return b"piece %d " % index


def application(environ, start_response):
    start_response("200 OK", TEXT)
    return Old()


def check(exchange):
    assert exchange.get().body == b"piece 0 piece 1 piece 2 "

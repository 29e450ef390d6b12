"""It is the returned object whose close() counts, not that of the iterator it gives."""

from case_support import TEXT, noter

CLAUSE = "Specification Details: 'If the iterable returned by the application has a close() method'"


class Iterator:
    def __init__(self, note):
        self.note, self.pieces = note, [b"a"]

    def __iter__(self):
        return self

    def __next__(self):
        if not self.pieces:
            raise StopIteration
        return self.pieces.pop()

    def close(self):
        self.note("iterator")


def application(environ, start_response):
    note = noter(environ)

    class Iterable:
        def __iter__(self):
            return Iterator(note)

        def close(self):
            note("iterable")

    class ListWithClose(list):
        def close(self):
            note("list")

    start_response("200 OK", TEXT)
    return Iterable() if environ["PATH_INFO"] == "/iterable" else ListWithClose([b"a"])


def check(exchange):
    assert exchange.get("/iterable").body == b"a"
    exchange.wait_notes(1)
    assert exchange.get("/list").body == b"a"
    assert exchange.wait_notes(2) == ["iterable", "list"]

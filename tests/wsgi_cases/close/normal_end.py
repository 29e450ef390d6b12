"""close() is called once, after the last piece."""

from case_support import TEXT, Closing, noter

CLAUSE = "Specification Details: 'the server or gateway must call that method upon completion of the current request'"


def application(environ, start_response):
    note = noter(environ)
    start_response("200 OK", [*TEXT, *([("Content-Length", "2")] if environ["PATH_INFO"] == "/sized" else [])])

    def pieces():
        for piece in (b"a", b"b"):
            note(piece.decode())
            yield piece

    return Closing(environ, pieces())


def check(exchange):
    for count, target in ((3, "/chunked"), (6, "/sized")):
        assert exchange.get(target).body == b"ab"
        assert exchange.wait_notes(count)[-3:] == ["a", "b", "close"]
    assert len(exchange.notes()) == 6

"""An iterable whose __iter__ fails is closed too."""

from case_support import TEXT, noter

CLAUSE = "Specification Details: 'whether the request was completed normally, or terminated early'"
BARE_ONLY = "the validator calls iter() before the server has the iterable"


def application(environ, start_response):
    note = noter(environ)

    class Broken:
        def __iter__(self):
            raise LookupError("no iterator today")

        def close(self):
            note("close")

    start_response("200 OK", TEXT)
    return Broken()


def check(exchange):
    assert exchange.get().status == 500
    assert exchange.wait_notes(1) == ["close"]


LOG = ["LookupError: no iterator today"]

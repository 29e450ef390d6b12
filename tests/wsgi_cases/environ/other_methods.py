"""A method that is no everyday one reaches the application as the client wrote it."""

from case_support import TEXT, note

CLAUSE = "environ Variables: REQUEST_METHOD"
BARE_ONLY = "the validator warns of methods it does not know"


def application(environ, start_response):
    note(environ, environ["REQUEST_METHOD"])
    start_response("200 OK", TEXT)
    return [b""]


def check(exchange):
    for method in ("PROPFIND", "PATCH", "DELETE", "MKCOL"):
        assert exchange.request(method).status == 200

    assert exchange.notes() == ["PROPFIND", "PATCH", "DELETE", "MKCOL"]

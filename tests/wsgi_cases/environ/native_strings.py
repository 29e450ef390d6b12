"""Every CGI variable is of type str and holds code points up to U+00FF only."""

from case_support import TEXT, note

CLAUSE = "environ Variables: no CGI variable's value may be 'of any type other than str'; Unicode Issues"


def application(environ, start_response):
    for key, value in environ.items():
        if type(key) is not str:
            note(environ, repr(key))
        elif "." not in key and (type(value) is not str or any(ord(c) > 0xFF for c in value)):
            note(environ, [key, repr(value)])
    start_response("200 OK", TEXT)
    return [b"seen"]


def check(exchange):
    euro = "€".encode().decode("latin-1")
    assert exchange.request("POST", "/%E2%82%AC?%E2%82%AC", [("X-Euro", euro)], b"body").body == b"seen"
    assert exchange.notes() == []

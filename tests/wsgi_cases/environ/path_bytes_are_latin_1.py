"""Bytes of the path beyond ASCII arrive as the Latin-1 characters of the same number, UTF-8 or not."""

from case_support import TEXT, note

CLAUSE = "Unicode Issues: only code points representable in ISO-8859-1"


def application(environ, start_response):
    note(environ, environ["PATH_INFO"].encode("latin-1").hex())
    start_response("200 OK", TEXT)
    return [b""]


def check(exchange):
    exchange.get("/caf%C3%A9")
    exchange.get("/%FF%fe%80")

    assert exchange.notes() == ["/café".encode().hex(), b"/\xff\xfe\x80".hex()]

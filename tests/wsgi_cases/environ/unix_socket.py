"""On a Unix socket, SERVER_NAME and SERVER_PORT come from Host and are never empty."""

from case_support import TEXT, note

CLAUSE = "environ Variables: 'SERVER_NAME and SERVER_PORT can never be empty strings, and so are always required'"
CONFIG = {"listen": {"bind": ["unix:cases.sock"]}}


def application(environ, start_response):
    note(environ, [environ["SERVER_NAME"], environ["SERVER_PORT"], environ["REMOTE_ADDR"]])
    start_response("200 OK", TEXT)
    return [b""]


def check(exchange):
    exchange.get("/", [("Host", "shop.test:8443")])
    exchange.get("/", [("Host", "shop.test")])
    exchange.get(version="HTTP/1.0")

    notes = exchange.notes()
    assert notes[:2] == [["shop.test", "8443", ""], ["shop.test", "80", ""]]
    assert notes[2][0]
    assert notes[2][1]

"""wsgi.url_scheme is http on a plain socket, HTTPS is not set, and a header named so does not change that."""

from case_support import TEXT, note

CLAUSE = "environ Variables: wsgi.url_scheme"


def application(environ, start_response):
    note(environ, [environ["wsgi.url_scheme"], environ.get("HTTPS")])
    start_response("200 OK", TEXT)
    return [b""]


def check(exchange):
    exchange.get("/", [("Host", "test:443"), ("HTTPS", "on"), ("X-HTTPS", "on")])

    assert exchange.notes() == [["http", None]]

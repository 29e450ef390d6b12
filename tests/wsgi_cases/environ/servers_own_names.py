"""What the server adds beyond CGI has a dot in its name, in lower case; the identity of the request is among it."""

import re

from case_support import TEXT, note

CLAUSE = (
    "environ Variables: server-defined variables 'should be named using only lower-case "
    "letters, numbers, dots, and underscores'"
)


def application(environ, start_response):
    dotted = [key for key in environ if "." in key]
    note(environ, [key for key in dotted if not re.fullmatch(r"(wsgi|fettle)\.[a-z0-9_]+", key)])
    note(environ, [key for key in environ if "." not in key and not re.fullmatch(r"[A-Z][A-Z0-9_]*", key)])
    note(environ, environ["fettle.request_id"])
    start_response("200 OK", TEXT)
    return [b""]


def check(exchange):
    exchange.get("/", [("X-Request-ID", "case-7")])

    assert exchange.notes() == [[], [], "case-7"]

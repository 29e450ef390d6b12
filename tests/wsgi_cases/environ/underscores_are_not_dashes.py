"""A header with an underscore cannot pose as the one with a dash that a proxy vouches for."""

from case_support import TEXT, note

CLAUSE = "environ Variables: HTTP_ variables correspond to request headers; two names would become one key"


def application(environ, start_response):
    note(environ, [environ.get("HTTP_X_REAL_IP"), environ.get("HTTP_X_USER")])
    start_response("200 OK", TEXT)
    return [b""]


def check(exchange):
    for name in ("X_Real_IP", "X-Real_IP"):
        assert exchange.get("/", [(name, "10.0.0.1"), ("X-User", "me")]).status == 200
    assert exchange.notes() == [[None, "me"]] * 2

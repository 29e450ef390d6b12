"""A header that comes more than once is one value, joined with commas; cookies with semicolons."""

from case_support import TEXT, note

CLAUSE = "environ Variables: HTTP_ variables; RFC 9110 section 5.3; RFC 6265 section 5.4 for cookies"


def application(environ, start_response):
    joined = [environ[f"HTTP_{name}"].replace(", ", ",") for name in ("X_TWICE", "ACCEPT")]
    note(environ, [*joined, environ["HTTP_COOKIE"]])
    start_response("200 OK", TEXT)
    return [b""]


def check(exchange):
    headers = [("X-Twice", "a"), ("Accept", "x"), ("Cookie", "a=1"), ("x-twice", "a"), ("X-TWICE", "c")]
    exchange.get("/", [*headers, ("ACCEPT", "y"), ("cookie", "b=2")])

    assert exchange.notes() == [["a,a,c", "x,y", "a=1; b=2"]]

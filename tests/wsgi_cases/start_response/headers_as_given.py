"""Headers go out as they were given: order, case, repetitions and Latin-1 included."""

from case_support import TEXT

CLAUSE = "The start_response() Callable; Other HTTP Features: servers 'should \"play dumb\"'"

GIVEN = [
    ("Set-Cookie", "a=1"),
    ("X-Mixed-CASE", "Value, with; signs"),
    ("Set-Cookie", "b=2"),
    ("X-Latin", "J\xf6rg \xff"),
]


def application(environ, start_response):
    start_response("200 OK", [*TEXT, *GIVEN, ("X-Empty", ""), ("X-Blanks", "a b")])
    return [b""]


def check(exchange):
    headers = exchange.get().headers
    assert [header for header in headers if header[0] in dict(GIVEN)] == GIVEN
    assert ("X-Empty", "") in headers
    assert ("X-Blanks", "a b") in headers

"""A header that HTTP has no form for, or that would split the response, is a ValueError at the call."""

from case_support import TEXT, note, raised

CLAUSE = (
    "The start_response() Callable: header names and values; 'Servers should check for errors in the headers at "
    "the time start_response is called'"
)
BARE_ONLY = "the validator refuses most of these before the server sees them"

WRONG = [
    ("X Y", "z"),
    ("X:", "z"),
    ("", "z"),
    ("X\r\nY", "z"),
    ("Xé", "z"),
    ("X€", "z"),
    ("X", "a\r\nSet-Cookie: stolen=1"),
    ("X", "a\nb"),
    ("X", "a\rb"),
    ("X", "a\0b"),
    ("X", "a\x7fb"),
    ("X", "\u20ac"),
    ("Content-Length", "many"),
    ("Content-Length", "-1"),
    ("Content-Length", "1, 1"),
    ("Content-Length", ""),
]


def application(environ, start_response):
    for header in WRONG:
        note(environ, [repr(header), raised(start_response, "200 OK", [header], (None, None, None)).split(":")[0]])
    twice = [("Content-Length", "1"), ("content-length", "1")]
    note(environ, raised(start_response, "200 OK", twice, (None, None, None)).split(":")[0])
    start_response("200 OK", TEXT, (None, None, None))
    return [b"fine"]


def check(exchange):
    response = exchange.get()
    assert response.body == b"fine"
    assert response.header("Set-Cookie") is None
    assert exchange.notes() == [[repr(header), "ValueError"] for header in WRONG] + ["ValueError"]

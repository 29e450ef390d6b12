"""A status that is no final status line is refused at the call."""

from case_support import TEXT, note, raised

CLAUSE = "The start_response() Callable: status; RFC 9110 section 15: 100 to 599, and 1xx is not final"
BARE_ONLY = "the validator refuses or warns of these before the server sees them"

WRONG = [
    (b"200 OK", "TypeError"),
    (200, "TypeError"),
    ("", "AssertionError"),
    ("OK", "AssertionError"),
    ("20 OK", "AssertionError"),
    ("2000 OK", "AssertionError"),
    ("200OK", "AssertionError"),
    (" 200 OK", "AssertionError"),
    ("100 Continue", "AssertionError"),
    ("101 Switching Protocols", "AssertionError"),
    ("199 Odd", "AssertionError"),
    ("600 Odd", "AssertionError"),
    ("999 Odd", "AssertionError"),
    ("200 OK\r\nX-Injected: 1", "ValueError"),
    ("200 OK\n", "ValueError"),
    ("200 \0", "ValueError"),
    ("200 €", "ValueError"),
]


def application(environ, start_response):
    for status, _ in WRONG:
        note(environ, [repr(status), raised(start_response, status, TEXT, (None, None, None)).split(":")[0]])
    start_response("200 OK", TEXT, (None, None, None))
    return [b"fine"]


def check(exchange):
    response = exchange.get()
    assert response.body == b"fine"
    assert response.header("X-Injected") is None
    assert exchange.notes() == [[repr(status), error] for status, error in WRONG]

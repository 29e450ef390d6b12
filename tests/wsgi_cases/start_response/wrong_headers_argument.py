"""Headers are a list of pairs of str; anything else is a TypeError at the call."""

from case_support import TEXT, note, raised

CLAUSE = "The start_response() Callable: 'It must be a Python list'; Unicode Issues"
BARE_ONLY = "the validator refuses these calls before the server sees them"

WRONG = [
    (("X", "y"),),
    {"X": "y"},
    None,
    [["X", "y"]],
    ["X: y"],
    [("X",)],
    [("X", "y", "z")],
    [(b"X", "y")],
    [("X", b"y")],
    [("X", 1)],
    [("X", None)],
]


def application(environ, start_response):
    for headers in WRONG:
        note(environ, raised(start_response, "200 OK", headers, (None, None, None)).split(":")[0])
    start_response("200 OK", TEXT, (None, None, None))
    return [b"fine"]


def check(exchange):
    assert exchange.get().body == b"fine"
    assert exchange.notes() == ["TypeError"] * len(WRONG)

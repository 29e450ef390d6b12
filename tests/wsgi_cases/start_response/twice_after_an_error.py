"""A call that raised an error counts: only exc_info allows another one."""

import sys

from case_support import TEXT, note, raised

CLAUSE = (
    "The start_response() Callable: 'This includes the case where the first call to start_response raised an "
    "error.'"
)
BARE_ONLY = "the validator refuses these calls before the server sees them"

WRONG = {
    "/value": ("200 OK", [("X", "a\nb")]),
    "/status": ("OK", []),
    "/headers": ("200 OK", None),
}


def application(environ, start_response):
    note(environ, raised(start_response, *WRONG[environ["PATH_INFO"]]).split(":")[0])
    note(environ, raised(start_response, "200 OK", TEXT))
    try:
        raise LookupError
    except LookupError:
        start_response("503 Sorry", TEXT, sys.exc_info())
    return [b"sorry"]


def check(exchange):
    again = "AssertionError: start_response() was called twice, the second time without exc_info"
    for target, first in (("/value", "ValueError"), ("/status", "AssertionError"), ("/headers", "TypeError")):
        assert exchange.get(target).status == 503
        assert exchange.notes()[-2:] == [first, again]

"""Too few, too many or unknown arguments are a TypeError; exc_info may be named."""

import functools
import sys

from case_support import TEXT, note, raised

CLAUSE = "The start_response() Callable: start_response(status, response_headers, exc_info=None)"
BARE_ONLY = "the validator checks the number of arguments itself"


def application(environ, start_response):
    good = ("200 OK", TEXT)
    for arguments in ((), good[:1], (*good, None, None), (*good, "error"), (*good, (1, 2))):
        note(environ, raised(start_response, *arguments).split(":")[0])
    note(environ, raised(functools.partial(start_response, "200 OK", TEXT, error=None)).split(":")[0])
    start_response("200 OK", TEXT, exc_info=sys.exc_info())
    return [b"fine"]


def check(exchange):
    assert exchange.get().body == b"fine"
    assert exchange.notes() == ["TypeError"] * 6

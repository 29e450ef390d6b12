"""An iterable of what is no bytes is closed as well, and so is one that was never started."""

from case_support import TEXT, Closing

CLAUSE = "Specification Details: 'whether the request was completed normally, or terminated early'"
BARE_ONLY = "the validator refuses the pieces before the server sees them"


def application(environ, start_response):
    if environ["PATH_INFO"] != "/not-started":
        start_response("200 OK", TEXT)
    return Closing(environ, ["text"] if environ["PATH_INFO"] == "/text" else [])


def check(exchange):
    assert exchange.get("/text").status == 500
    assert exchange.get("/not-started").status == 500
    assert exchange.wait_notes(2) == ["close", "close"]


LOG = ["bytes objects, not str", r"returned without calling start_response\(\)"]

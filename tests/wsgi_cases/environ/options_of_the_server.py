"""For the target '*', PATH_INFO is empty: '*' is no path; REQUEST_URI tells it."""

from case_support import TEXT, note

CLAUSE = 'RFC 9110 section 9.3.7; RFC 3875 section 4.1.5: PATH_INFO = "" | ( "/" path )'


def application(environ, start_response):
    note(environ, [environ[key] for key in ("REQUEST_METHOD", "SCRIPT_NAME", "PATH_INFO", "REQUEST_URI")])
    start_response("200 OK", TEXT)
    return [b""]


def check(exchange):
    assert exchange.request("OPTIONS", "*").status == 200

    assert exchange.notes() == [["OPTIONS", "", "", "*"]]

"""QUERY_STRING is always there, empty without a query, and never decoded."""

from case_support import TEXT, note

CLAUSE = "environ Variables: QUERY_STRING; RFC 3875 section 4.1.7: URL-encoded, and defined even if empty"


def application(environ, start_response):
    note(environ, [environ["PATH_INFO"], environ["QUERY_STRING"]])
    start_response("200 OK", TEXT)
    return [b""]


def check(exchange):
    for target in ("/p", "/p?", "/p?a=%26&b=+%2B", "/p?a?b", "/p?%C3%A9"):
        assert exchange.get(target).status == 200

    assert exchange.notes() == [["/p", ""], ["/p", ""], ["/p", "a=%26&b=+%2B"], ["/p", "a?b"], ["/p", "%C3%A9"]]

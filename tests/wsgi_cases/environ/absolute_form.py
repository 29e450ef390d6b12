"""A target with scheme and host gives the same PATH_INFO as one without."""

from case_support import TEXT, note

CLAUSE = "environ Variables: PATH_INFO; RFC 9112 section 3.2.2: servers accept the absolute form"


def application(environ, start_response):
    note(environ, [environ["PATH_INFO"], environ["QUERY_STRING"], environ["HTTP_HOST"]])
    start_response("200 OK", TEXT)
    return [b""]


def check(exchange):
    exchange.get("http://shop.test/a%20b?x=1", [("Host", "shop.test")])
    exchange.get("http://shop.test", [("Host", "shop.test")])

    assert exchange.notes() == [["/a b", "x=1", "shop.test"], ["/", "", "shop.test"]]

"""A percent sign that starts no escape stays as it is, if the request is not refused for it."""

from case_support import TEXT, note

CLAUSE = (
    "environ Variables: PATH_INFO; RFC 3986 section 2.1: '%' is followed by two hexadecimal digits or means "
    "nothing"
)


def application(environ, start_response):
    note(environ, environ["PATH_INFO"])
    start_response("200 OK", TEXT)
    return [b""]


def check(exchange):
    served = []
    for target, path in (("/%zz", "/%zz"), ("/%4", "/%4"), ("/%", "/%"), ("/%%41", "/%A"), ("/%4%41", "/%4A")):
        status = exchange.get(target).status
        assert status in (200, 400)
        if status == 200:
            served.append(path)
    assert exchange.notes() == served

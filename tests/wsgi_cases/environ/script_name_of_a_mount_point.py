"""With app.script_name the mount point is cut from the path, where a proxy left it there, at whole segments only."""

from case_support import TEXT, note

CLAUSE = "environ Variables: SCRIPT_NAME and PATH_INFO share the request's path"
CONFIG = {"app": {"script_name": "/my shop/é"}}


def application(environ, start_response):
    note(environ, [environ["SCRIPT_NAME"].encode("latin-1").decode(), environ["PATH_INFO"], environ["RAW_URI"]])
    start_response("200 OK", TEXT)
    return [b""]


def check(exchange):
    for target, path in (
        ("/my%20shop/%C3%A9/cart%2F1", "/cart/1"),
        ("/my%20shop/%C3%A9/", "/"),
        ("/my%20shop/%C3%A9", ""),
        ("/my%20shop/%C3%A9tage", "/my shop/\xc3\xa9tage"),
        ("/cart", "/cart"),
    ):
        exchange.get(target)
        assert exchange.notes()[-1] == ["/my shop/é", path, target]

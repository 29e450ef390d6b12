"""Without a mount point SCRIPT_NAME is empty, and PATH_INFO is at least '/'."""

from case_support import TEXT, note

CLAUSE = (
    "environ Variables: SCRIPT_NAME 'may be an empty string, if the application corresponds to the \"root\" of the "
    "server'"
)


def application(environ, start_response):
    note(environ, [environ["SCRIPT_NAME"], environ["PATH_INFO"]])
    start_response("200 OK", TEXT)
    return [b""]


def check(exchange):
    exchange.get("/")
    exchange.get("/shop/cart")

    assert exchange.notes() == [["", "/"], ["", "/shop/cart"]]

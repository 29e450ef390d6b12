"""A request without a body has no CONTENT_LENGTH that says otherwise, and no CONTENT_TYPE of the one before."""

from case_support import TEXT, note

CLAUSE = "environ Variables: CONTENT_TYPE, CONTENT_LENGTH 'may be empty or absent'"


def application(environ, start_response):
    body = environ["wsgi.input"].read(10).decode()
    note(environ, [environ.get("CONTENT_LENGTH", ""), environ.get("CONTENT_TYPE", ""), body])
    start_response("200 OK", TEXT)
    return [b""]


def check(exchange):
    connection = exchange.connect()
    connection.request("POST", "/", [*exchange.headers, ("Content-Type", "text/x")], b"before")
    connection.request("GET", "/", exchange.headers)
    connection.request("POST", "/", [*exchange.headers, ("Content-Length", "0")])

    assert exchange.notes() == [["6", "text/x", "before"], ["", "", ""], ["0", "", ""]]

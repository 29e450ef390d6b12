"""For HEAD, write() sends headers only and is no error, however much it is given."""

from case_support import TEXT, note, raised

CLAUSE = "The write() Callable; RFC 9110 section 9.3.2: no content in a response to HEAD"


def application(environ, start_response):
    write = start_response("200 OK", [*TEXT, ("Content-Length", "4")])
    note(environ, [raised(write, b"body"), raised(write, b"surplus") if environ["REQUEST_METHOD"] == "HEAD" else None])
    return []


def check(exchange):
    connection = exchange.connect()
    response = connection.request("HEAD", "/", exchange.headers)
    assert (response.status, response.header("Content-Length"), response.body) == (200, "4", b"")
    assert connection.request("GET", "/", exchange.headers).body == b"body"
    assert exchange.wait_notes(2) == [[None, None], [None, None]]

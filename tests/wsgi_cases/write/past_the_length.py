"""write() beyond Content-Length raises an error; the client has exactly what was declared, and the connection lives."""

from case_support import TEXT, note, raised

CLAUSE = "Handling the Content-Length Header: 'or raise an error if the application tries to write() past that point'"


def application(environ, start_response):
    write = start_response("200 OK", [*TEXT, ("Content-Length", "6")])
    note(environ, raised(write, b"abc"))
    note(environ, raised(write, b"defgh"))
    note(environ, raised(write, b"i"))
    note(environ, raised(write, b""))
    return []


def check(exchange):
    connection = exchange.connect()
    for _ in range(2):
        assert connection.request("GET", "/", exchange.headers).body == b"abcdef"
    too_much = "AssertionError: write() was given more bytes than the Content-Length says"
    assert exchange.wait_notes(8) == [None, too_much, too_much, None] * 2

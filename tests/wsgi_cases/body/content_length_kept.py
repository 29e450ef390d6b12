"""A Content-Length of the application's is sent as it is, and an iterator that keeps to it runs to its own end."""

from case_support import TEXT, noter

CLAUSE = "Handling the Content-Length Header"


def application(environ, start_response):
    note = noter(environ)
    start_response("200 OK", [*TEXT, ("Content-Length", "6")])

    def pieces():
        yield b"abc"
        yield b"def"
        note("the end")

    return pieces()


def check(exchange):
    connection = exchange.connect()
    for _ in range(2):
        response = connection.request("GET", "/", exchange.headers)
        assert (response.header("Content-Length"), response.header("Transfer-Encoding")) == ("6", None)
        assert response.body == b"abcdef"
    assert exchange.wait_notes(2) == ["the end", "the end"]

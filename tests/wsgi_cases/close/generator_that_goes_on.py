"""A generator that yields in answer to GeneratorExit is an error in the log, and nothing of that is sent."""

from case_support import TEXT, noter

CLAUSE = "Specification Details: close(); PEP 342: RuntimeError"


def application(environ, start_response):
    note = noter(environ)
    start_response("200 OK", [*TEXT, ("Content-Length", "4")])

    def pieces():
        try:
            while True:
                yield b"body"
        except GeneratorExit:
            note("asked to end")
            yield b"never sent"

    return pieces()


def check(exchange):
    connection = exchange.connect()
    for _ in range(2):
        assert connection.request("GET", "/", exchange.headers).body == b"body"
    assert exchange.wait_notes(2) == ["asked to end"] * 2


LOG = ["RuntimeError: generator ignored GeneratorExit"]

"""Nothing is sent before the first piece that is not empty; then headers and piece come together."""

from case_support import TEXT, wait_at_gate

CLAUSE = (
    "The start_response() Callable: 'only after the first iteration of the application return value that yields a"
    " non-empty bytestring'"
)


def application(environ, start_response):
    start_response("200 OK", TEXT)

    def pieces():
        yield b""
        wait_at_gate(environ)
        yield b"now"

    return pieces()


def check(exchange):
    connection = exchange.send()
    exchange.wait_gate()
    assert exchange.is_silent(connection)
    exchange.open_gate()
    assert connection.response().body == b"now"

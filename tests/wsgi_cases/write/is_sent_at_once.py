"""What write() was given is on its way when it returns; it does not wait for more."""

from case_support import TEXT, wait_at_gate

CLAUSE = (
    "The write() Callable: 'either completely sent to the client, or that it is buffered for transmission while "
    "the application proceeds'"
)


def application(environ, start_response):
    write = start_response("200 OK", TEXT)
    for name in ("one", "two"):
        write(name.encode())
        wait_at_gate(environ, name)
    return [b"end"]


def check(exchange):
    connection = exchange.send()
    assert connection.head().status == 200
    for name in ("one", "two"):
        assert connection.chunk() == name.encode()
        exchange.open_gate(name)
    assert [connection.chunk(), connection.chunk()] == [b"end", b""]

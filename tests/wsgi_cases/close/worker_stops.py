"""A worker that is told to stop finishes the response, calls close() once, and only then ends."""

import threading

from case_support import TEXT, Closing, wait_at_gate

CLAUSE = "Specification Details: 'upon completion of the current request'"
CONFIG = {"timeouts": {"graceful": 20}}


def application(environ, start_response):
    def pieces():
        yield b"before "
        wait_at_gate(environ)
        yield b"after"

    start_response("200 OK", TEXT)
    return Closing(environ, pieces())


def check(exchange):
    connection = exchange.send()
    connection.head()
    assert connection.chunk() == b"before "
    exchange.wait_gate()
    stopping = threading.Thread(target=exchange.server.stop)
    stopping.start()
    exchange.wait_log("stop")
    exchange.open_gate()
    assert [connection.chunk(), connection.chunk()] == [b"after", b""]
    stopping.join()
    assert exchange.notes() == ["close"]

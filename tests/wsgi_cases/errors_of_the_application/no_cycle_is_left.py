"""What a failed request held is freed with it: no cycle waits for the garbage collector."""

import gc
import weakref

from case_support import TEXT, note

CLAUSE = "Error Handling; The start_response() Callable: circular references through tracebacks"
HELD = []


class Held:
    pass


def application(environ, start_response):
    if environ["PATH_INFO"] == "/fails":
        gc.collect()
        gc.disable()
        held = Held()
        HELD[:] = [weakref.ref(held)]
        environ["case.held"] = held
        start_response("200 OK", TEXT)
        raise RuntimeError("with a frame")
    note(environ, HELD[0]() is None)
    gc.enable()
    start_response("200 OK", TEXT)
    return [b""]


def check(exchange):
    assert exchange.get("/fails").status == 500
    exchange.get("/")
    assert exchange.notes() == [True]


LOG = ["RuntimeError: with a frame"]

"""Nothing of exc_info is kept: the exception and what its frames hold are gone as soon as the application lets go."""

import gc
import sys
import weakref

from case_support import TEXT, note

CLAUSE = "The start_response() Callable: 'ensure that no reference is held to the exc_info parameter'"
BARE_ONLY = "a frame of the validator's holds exc_info, and the traceback holds the frame"


class Held:
    pass


def fails(held):
    raise ValueError("with a frame that holds something")


def application(environ, start_response):
    gc.disable()  # what is freed now is freed by its reference count: no cycle
    try:
        held = Held()
        alive = weakref.ref(held)
        start_response("200 OK", TEXT)
        try:
            fails(held)
        except ValueError:
            start_response("500 Oops", TEXT, sys.exc_info())
        write = start_response("501 Oops", TEXT, (None, None, None))
        write(b"out")
        try:
            fails(held)
        except ValueError:
            try:
                start_response("502 Oops", TEXT, sys.exc_info())
            except ValueError:
                pass
        del held
        note(environ, alive() is None)
    finally:
        gc.enable()
    return [b""]


def check(exchange):
    response = exchange.get()
    assert (response.status, response.body) == (501, b"out")
    assert exchange.notes() == [True]

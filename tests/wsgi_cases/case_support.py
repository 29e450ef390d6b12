"""What the applications of the cases share, inside the worker. README.md in this folder describes a case."""

import json
import os
import time

FOLDER = os.environ.get("TEST_FOLDER", "/nonexistent")
TEXT = [("Content-Type", "text/plain")]


def note(environ, value):
    """Tells the check what the application saw: a line of JSON, written at once, in the order of the calls."""
    _append(environ["HTTP_X_RUN"], value)


def noter(environ):
    """note() for code that runs when the environ is gone: close(), generators, threads."""
    run = environ["HTTP_X_RUN"]
    return lambda value: _append(run, value)


def _append(run, value):
    fd = os.open(os.path.join(FOLDER, f"notes-{run}"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        os.write(fd, json.dumps(value).encode() + b"\n")
    finally:
        os.close(fd)


def wait_at_gate(environ, name="gate"):
    """Stays here until the check opens the gate (Exchange.open_gate): the request is certainly running."""
    path = os.path.join(FOLDER, f"{name}-{environ['HTTP_X_RUN']}")
    os.mkfifo(path)
    with open(path, "rb"):  # until somebody opens the other end; the interpreter is free meanwhile
        pass


def wait_until(condition, seconds=20):
    """True once condition() is; False after `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)
    return True


def raised(call, *arguments):
    """"ValueError: text" of what call(*arguments) raises; None if it returns."""
    try:
        call(*arguments)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return None


class Closing:
    """An iterable that counts the calls of its close() in the notes."""

    def __init__(self, environ, pieces, on_close=None):
        self.note = noter(environ)
        self.pieces = iter(pieces)
        self.on_close = on_close

    def __iter__(self):
        return self

    def __next__(self):
        return next(self.pieces)

    def close(self):
        self.note("close")
        if self.on_close:
            self.on_close()

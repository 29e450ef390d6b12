"""Iterables that do not know when to stop."""

import itertools
import os
import pathlib

NOTES = []


class Noting:
    def __init__(self, pieces):
        self.pieces = iter(pieces)

    def __iter__(self):
        return self.pieces

    def close(self):
        NOTES.append("closed")


def with_epilogue():
    yield b"abc"
    NOTES.append("epilogue")


BODIES = {
    "/surplus": lambda: itertools.repeat(b"ab"),
    "/surplus-empty": lambda: itertools.chain([b"abc"], itertools.repeat(b"")),
    "/epilogue": with_epilogue,
}


def application(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/notes":
        notes = ",".join(NOTES).encode()
        NOTES.clear()
        start_response("200 OK", [])
        return [notes]
    pathlib.Path(os.environ["TEST_FOLDER"], "began").touch()
    if path == "/empty":
        start_response("200 OK", [])
        return Noting(itertools.repeat(b""))
    if path == "/writes":
        write = start_response("200 OK", [("Content-Length", "1")])
        try:
            while True:
                write(b"x")
        finally:
            NOTES.append("stopped")
    start_response("200 OK", [("Content-Length", "3")])
    return Noting(BODIES[path]())

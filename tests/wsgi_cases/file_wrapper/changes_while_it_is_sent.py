"""A file that grows meanwhile is sent with the length it had; one that shrinks cuts the connection."""

import os

from case_support import FOLDER, TEXT

CLAUSE = (
    "Optional Platform-Specific File Handling: the server may generate Content-Length 'using its knowledge of the"
    " underlying file'"
)
BARE_ONLY = "the validator iterates, so no length is known and all there is when it is read is sent"
SIZE = 16_000_000  # beyond all buffers between the file and the client


def application(environ, start_response):
    path = f"{FOLDER}/changing-{environ['HTTP_X_RUN']}"
    with open(path, "wb") as file:
        file.write(b"x" * SIZE)
    start_response("200 OK", TEXT)
    return environ["wsgi.file_wrapper"](open(path, "rb"))


def check(exchange):
    path = exchange.folder / f"changing-{exchange.run}"

    growing = exchange.send()
    assert growing.head().header("Content-Length") == str(SIZE)
    with open(path, "ab") as file:
        file.write(b"y" * 1000)
    assert growing.take(SIZE) == b"x" * SIZE
    assert exchange.is_silent(growing)

    shrinking = exchange.send()
    shrinking.head()
    os.truncate(path, 1000)
    received = shrinking.until_end()
    assert len(received) < SIZE


LOG = ["AssertionError: the body has [0-9]+ bytes, fewer than its Content-Length says"]

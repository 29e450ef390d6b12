"""The file's close() is called once, whether the file was sent whole, in part, or not at all."""

import io

from case_support import FOLDER, TEXT, noter

CLAUSE = (
    "Optional Platform-Specific File Handling: 'a close() method that invokes the original file-like object's "
    "close() method'"
)


def application(environ, start_response):
    note = noter(environ)
    path = f"{FOLDER}/closed-{environ['HTTP_X_RUN']}"
    with open(path, "wb") as file:
        file.write(b"x" * 1000)

    class Noting(io.FileIO):
        def close(self):
            if not self.closed:
                note("close")
            super().close()

    class Plain:
        def __init__(self):
            self.pieces = [b"two", b"one"]

        def read(self, size):
            return self.pieces.pop() if self.pieces else b""

        def close(self):
            note("close")

    kind = environ["PATH_INFO"]
    start_response("204 No Content" if kind == "/none" else "200 OK", [] if kind == "/none" else TEXT)
    return environ["wsgi.file_wrapper"](Plain() if kind == "/plain" else Noting(path, "rb"))


def check(exchange):
    for count, (method, target, body) in enumerate(
        (("GET", "/file", b"x" * 1000), ("GET", "/plain", b"onetwo"), ("GET", "/none", b""), ("HEAD", "/file", b"")), 1
    ):
        assert exchange.request(method, target).body == body
        assert exchange.wait_notes(count) == ["close"] * count

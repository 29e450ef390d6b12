"""While a large file waits for a slow client, other requests of the same process are served."""

from case_support import FOLDER, TEXT

CLAUSE = "Thread Support; Optional Platform-Specific File Handling"
CONFIG = {"concurrency": {"threads": 2}}
SIZE = 16_000_000


def application(environ, start_response):
    start_response("200 OK", TEXT)
    if environ["PATH_INFO"] != "/file":
        return [b"quick"]
    path = f"{FOLDER}/large-{environ['HTTP_X_RUN']}"
    with open(path, "wb") as file:
        file.write(b"x" * SIZE)
    return environ["wsgi.file_wrapper"](open(path, "rb"))


def check(exchange):
    slow = exchange.send("GET", "/file")
    slow.head()
    for _ in range(3):
        assert exchange.get("/other").body == b"quick"
    received = 0
    while received < SIZE:
        data = slow.chunk() if exchange.validated else slow.take(min(1_000_000, SIZE - received))
        assert data.strip(b"x") == b""
        received += len(data)
    assert received == SIZE

"""Notes every import with its pid."""

import os

IMPORTED_BY = os.getpid()
with open(os.path.join(os.environ["TEST_FOLDER"], "imports"), "a", encoding="ascii") as file:
    file.write(f"{IMPORTED_BY}\n")


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"{IMPORTED_BY} {os.getpid()}".encode()]

"""Notes that it was called, before it reads anything, and then what it saw of the request: both as lines of
TEST_FOLDER/witness, and the second one as its response, too."""

import hashlib
import json
import os

WITNESS = os.path.join(os.environ["TEST_FOLDER"], "witness")


def note(line):
    fd = os.open(WITNESS, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        os.write(fd, line + b"\n")
    finally:
        os.close(fd)


def application(environ, start_response):
    note(json.dumps({"called": environ["REMOTE_ADDR"], "target": environ["RAW_URI"]}).encode())
    body = environ["wsgi.input"].read()
    seen = {
        "environ": {key: value for key, value in environ.items() if isinstance(value, (str, bool, tuple))},
        "types": {key: type(value).__name__ for key, value in environ.items()},
        "length": len(body),
        "sha256": hashlib.sha256(body).hexdigest(),
        "beginning": body[:200].decode("latin-1"),
    }
    line = json.dumps(seen).encode()
    note(line)
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(line)))])
    return [line]

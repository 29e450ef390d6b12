"""Megabytes arrive whole, in one piece or many, declared or not."""

import hashlib

from case_support import TEXT

CLAUSE = "Buffering and Streaming"
BODY = bytes(range(251)) * 16_000


def application(environ, start_response):
    path = environ["PATH_INFO"]
    start_response("200 OK", [*TEXT, *([("Content-Length", str(len(BODY)))] if path == "/sized" else [])])
    return [BODY] if path == "/list" else (BODY[start : start + 70_001] for start in range(0, len(BODY), 70_001))


def check(exchange):
    for target in ("/list", "/sized", "/chunked"):
        assert hashlib.sha256(exchange.get(target).body).digest() == hashlib.sha256(BODY).digest()

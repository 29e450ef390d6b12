"""Says which process answered first for this path, and which answers now. /raises does, /missing is not there."""

import os

FIRST = {}


def application(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/raises":
        raise ValueError("cannot be warmed")
    query = environ["QUERY_STRING"] if environ.get("fettle.warmup") else ""
    first = FIRST.setdefault(path, f"{os.getpid()} {query}")
    start_response("404 Not Found" if path == "/missing" else "200 OK", [("Content-Type", "text/plain; charset=utf-8")])
    return [f"{os.getpid()} {first}".encode()]

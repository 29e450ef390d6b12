"""sys.exit() in a request gives 500, and the worker finishes what it has and is replaced, as it was asked to."""

import os
import sys

from case_support import TEXT

CLAUSE = "Error Handling: any exception that aborts an application; SystemExit means what it means elsewhere"


def application(environ, start_response):
    start_response("200 OK", TEXT)
    if environ["PATH_INFO"] == "/exit":
        sys.exit(3)
    return [str(os.getpid()).encode()]


def check(exchange):
    before = exchange.get("/").text
    assert exchange.get("/exit").status == 500
    exchange.server.wait_until(lambda: exchange.get("/").text != before, 20, "another worker")


LOG = ["application asked to exit, this worker will be replaced .*SystemExit: 3", "SystemExit: 3"]

"""A file that ends before its Content-Length cuts the connection, and the log says so."""

from case_support import FOLDER, TEXT

CLAUSE = "Handling the Content-Length Header: 'close the connection and log or otherwise report the error'"


def application(environ, start_response):
    path = f"{FOLDER}/short-{environ['HTTP_X_RUN']}"
    with open(path, "wb") as file:
        file.write(b"x" * 1000)
    start_response("200 OK", [*TEXT, ("Content-Length", "1001")])
    return environ["wsgi.file_wrapper"](open(path, "rb"))


def check(exchange):
    exchange.cut()


LOG = ["AssertionError: the body has 1000 bytes, fewer than its Content-Length says"]

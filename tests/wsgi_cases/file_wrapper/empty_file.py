"""An empty file is an empty body; one of /proc, whose size nobody knows, is read to its end."""

from case_support import FOLDER, TEXT

CLAUSE = "Optional Platform-Specific File Handling: 'continue until the end is reached'"


def application(environ, start_response):
    path = "/proc/self/cmdline"
    if environ["PATH_INFO"] == "/empty":
        path = f"{FOLDER}/empty-{environ['HTTP_X_RUN']}"
        open(path, "wb").close()
    start_response("200 OK", TEXT)
    return environ["wsgi.file_wrapper"](open(path, "rb"))


def check(exchange):
    response = exchange.get("/empty")
    assert (response.header("Content-Length"), response.body) == ("0", b"")
    assert exchange.get("/proc").body.startswith(b"fettle: worker")

"""A file that is closed already is the application's error: 500."""

from case_support import FOLDER, TEXT

CLAUSE = "Error Handling: servers 'should trap and log any exception'"


def application(environ, start_response):
    path = f"{FOLDER}/closed-{environ['HTTP_X_RUN']}"
    file = open(path, "w+b")
    file.close()
    start_response("200 OK", TEXT)
    return environ["wsgi.file_wrapper"](file)


def check(exchange):
    assert exchange.get().status == 500


LOG = ["ValueError: I/O operation on closed file|ValueError: (seek|read) of closed file"]

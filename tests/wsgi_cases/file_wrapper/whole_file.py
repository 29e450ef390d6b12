"""A file is sent as it is, with its length, and closed."""

from case_support import FOLDER, TEXT, note

CLAUSE = "Optional Platform-Specific File Handling"
CONTENT = bytes(range(256)) * 12_345


def application(environ, start_response):
    path = f"{FOLDER}/whole-{environ['HTTP_X_RUN']}"
    with open(path, "wb") as file:
        file.write(CONTENT)
    buffering = {"/raw": 0}.get(environ["PATH_INFO"], -1)
    file = open(path, "rb", buffering)
    start_response("200 OK", TEXT)
    wrapped = environ["wsgi.file_wrapper"](file, 8192)
    closed = wrapped.close
    note(environ, [callable(closed), file.closed])
    return wrapped


def check(exchange):
    for target in ("/buffered", "/raw"):
        response = exchange.get(target)
        assert response.body == CONTENT
        if not exchange.validated:  # the validator iterates
            assert response.header("Content-Length") == str(len(CONTENT))
    assert exchange.notes() == [[True, False]] * 2

"""Middleware may iterate over the wrapper, replace it, or throw it away: nothing is sent before the server has it."""

from case_support import FOLDER, TEXT

CLAUSE = (
    "Optional Platform-Specific File Handling: 'must not perform any data transmission until ... the "
    "server/gateway actually receives the iterable'"
)


def application(environ, start_response):
    path = f"{FOLDER}/middle-{environ['HTTP_X_RUN']}"
    with open(path, "wb") as file:
        file.write(b"content of the file")
    start_response("200 OK", TEXT)
    wrapped = environ["wsgi.file_wrapper"](open(path, "rb"), 5)
    unused = environ["wsgi.file_wrapper"](open(path, "rb"))
    unused.close()
    if environ["PATH_INFO"] == "/replaced":
        wrapped.close()
        return [b"something else"]

    def upper():
        try:
            for block in wrapped:
                yield block.upper()
        finally:
            wrapped.close()

    return upper()


def check(exchange):
    assert exchange.get("/replaced").body == b"something else"
    assert exchange.get("/changed").body == b"CONTENT OF THE FILE"

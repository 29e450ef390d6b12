"""The file is sent from its current position, read or sought to; bytes in front of it stay."""

from case_support import FOLDER, TEXT

CLAUSE = (
    "Optional Platform-Specific File Handling: 'transmission should begin at the current position within the "
    "\"file\"'"
)


def application(environ, start_response):
    path = f"{FOLDER}/middle-{environ['HTTP_X_RUN']}"
    with open(path, "wb") as file:
        file.write(b"0123456789")
    file = open(path, "rb")
    if environ["PATH_INFO"] == "/read":
        file.read(4)
    else:
        file.seek({"/sought": 4, "/end": 10, "/beyond": 100}[environ["PATH_INFO"]])
    start_response("200 OK", TEXT)
    return environ["wsgi.file_wrapper"](file)


def check(exchange):
    for target, body in (("/read", b"456789"), ("/sought", b"456789"), ("/end", b""), ("/beyond", b"")):
        assert exchange.get(target).body == body

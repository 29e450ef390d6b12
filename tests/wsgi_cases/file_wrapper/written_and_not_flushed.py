"""What was written to the file before is sent too, although Python still has it in a buffer."""

from case_support import FOLDER, TEXT

CLAUSE = (
    "Optional Platform-Specific File Handling: the semantics 'should be the same as if the application had "
    "returned iter(filelike.read, '')'"
)


def application(environ, start_response):
    path = f"{FOLDER}/unflushed-{environ['HTTP_X_RUN']}"
    with open(path, "wb") as file:
        file.write(b"the old text")
    file = open(path, "r+b")
    file.read(4)  # what follows stays in the buffer that was read
    file.seek(4)
    file.write(b"new")
    file.seek(0)
    start_response("200 OK", TEXT)
    return environ["wsgi.file_wrapper"](file)


def check(exchange):
    assert exchange.get().body == b"the new text"

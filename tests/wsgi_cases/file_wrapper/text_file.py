"""A file opened for text gives str, which is no body: the error says so."""

from case_support import FOLDER, TEXT

CLAUSE = "Unicode Issues: a body is made of bytes"
VALIDATOR_SAYS = "AssertionError: Iterator yielded non-bytestring"


def application(environ, start_response):
    path = f"{FOLDER}/text-{environ['HTTP_X_RUN']}"
    with open(path, "w") as file:
        file.write("text")
    start_response("200 OK", TEXT)
    return environ["wsgi.file_wrapper"](open(path))


def check(exchange):
    assert exchange.get().status == 500


LOG = ["TypeError: the body of a response is made of bytes objects, not str"]

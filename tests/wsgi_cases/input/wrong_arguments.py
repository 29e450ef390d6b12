"""Wrong arguments raise what files raise, and take nothing from the body."""

from case_support import TEXT, note, raised

CLAUSE = "Input and Error Streams: 'as documented in the Python Library Reference'"
BARE_ONLY = "the validator checks the number of arguments itself"


def application(environ, start_response):
    stream = environ["wsgi.input"]
    for call in (stream.read, stream.readline, stream.readlines):
        note(environ, [raised(call, *given).split(":")[0] for given in (("1",), (1.5,), (1, 2), (10**30,))])
    note(environ, stream.read().decode())
    start_response("200 OK", TEXT)
    return [b""]


def check(exchange):
    exchange.request("POST", body=b"untouched")

    wrong = ["TypeError", "TypeError", "TypeError", "OverflowError"]
    assert exchange.notes() == [wrong, wrong, wrong, "untouched"]

"""Lines that several requests write at once do not mix, though each writes its line in many small pieces."""

import re

from case_support import TEXT, wait_at_gate

CLAUSE = (
    "Input and Error Streams, note 4: 'to minimize intermingling of data from multiple processes writing to the "
    "same error log'"
)
CONFIG = {"concurrency": {"processes": 2, "threads": 2}}
LETTERS = "abcdefgh"


def application(environ, start_response):
    errors, name = environ["wsgi.errors"], environ["PATH_INFO"][1:]
    wait_at_gate(environ, name)
    for number in range(200):
        errors.write(f"line {name} {number}:")
        for letter in LETTERS:
            errors.write(letter * 20)
        errors.write("\n")
    start_response("200 OK", TEXT)
    return [b""]


def check(exchange):
    names = ("one", "two", "three", "four")
    connections = [exchange.send("GET", f"/{name}") for name in names]
    for name in names:
        exchange.wait_gate(name)
    for name in names:
        exchange.open_gate(name)
    for connection in connections:
        assert connection.response().status == 200

    rest = "".join(letter * 20 for letter in LETTERS)
    lines = [line for line in exchange.log().splitlines() if "line " in line or "aaaa" in line]
    assert len(lines) == 800
    assert [line for line in lines if not re.fullmatch(rf"line \w+ \d+:{rest}", line)] == []

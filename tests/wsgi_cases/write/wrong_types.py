"""write() takes bytes, nothing else, and says so; the response goes on."""

from case_support import TEXT, note, raised

CLAUSE = "Unicode Issues: values passed to write() 'must be of type bytes under Python 3'"
BARE_ONLY = "the validator refuses these calls before the server sees them"


def application(environ, start_response):
    write = start_response("200 OK", TEXT)
    for wrong in ("text", 1, None, memoryview(b"view"), bytearray(b"array"), [b"list"]):
        note(environ, raised(write, wrong))
    note(environ, raised(write).split(":")[0])
    note(environ, raised(write, b"a", b"b").split(":")[0])
    write(b"fine")
    return []


def check(exchange):
    assert exchange.get().body == b"fine"
    names = ("str", "int", "NoneType", "memoryview", "bytearray", "list")
    assert exchange.notes() == [
        *(f"TypeError: the body of a response is made of bytes objects, not {name}" for name in names),
        "TypeError",
        "TypeError",
    ]

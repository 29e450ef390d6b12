"""An environ that is kept stays what it was: later requests use other objects."""

from case_support import TEXT, note

CLAUSE = "Specification Details: the dictionary is the application's to keep and change"
KEPT = []


def application(environ, start_response):
    KEPT.append(environ)
    note(environ, [len({id(kept) for kept in KEPT}), len({id(kept["wsgi.input"]) for kept in KEPT})])
    note(environ, [kept["PATH_INFO"] for kept in KEPT])
    start_response("200 OK", TEXT)
    return [b""]


def check(exchange):
    connection = exchange.connect()
    for number in range(3):
        connection.request("GET", f"/{number}", exchange.headers)
    assert exchange.notes()[-2:] == [[3, 3], ["/0", "/1", "/2"]]

"""Headers about the connection are refused at the call, in any case of letters."""

from case_support import TEXT, note, raised

CLAUSE = (
    "The start_response() Callable: a server 'should consider it a fatal error for an application to attempt sending "
    "them, and raise an error if they are supplied to start_response()'"
)

NAMES = [
    "Connection",
    "keep-alive",
    "Proxy-Authenticate",
    "Proxy-Authentication-Info",
    "Proxy-Authorization",
    "Proxy-Connection",
    "TE",
    "Trailer",
    "Trailers",
    "TRANSFER-ENCODING",
    "Upgrade",
]


def application(environ, start_response):
    for name in NAMES:
        said = raised(start_response, "200 OK", [*TEXT, (name, "x")], (None, None, None))
        note(environ, said == f"ValueError: a hop-by-hop header is the server's to send (PEP 3333): ('{name}', 'x')")
    start_response("200 OK", TEXT, (None, None, None))
    return [b"fine"]


def check(exchange):
    assert exchange.get().body == b"fine"
    assert exchange.notes() == [True] * len(NAMES)

"""SERVER_PROTOCOL is the version of the request, which tells an application what its client understands."""

from case_support import TEXT, note

CLAUSE = "environ Variables: SERVER_PROTOCOL, 'the version of the protocol the client used to send the request'"


def application(environ, start_response):
    note(environ, [environ["SERVER_PROTOCOL"], "HTTP_HOST" in environ])
    start_response("200 OK", TEXT)
    return [b""]


def check(exchange):
    exchange.get(version="HTTP/1.0")
    exchange.get()

    assert exchange.notes() == [["HTTP/1.0", False], ["HTTP/1.1", True]]

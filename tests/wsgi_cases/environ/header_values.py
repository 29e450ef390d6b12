"""Header values arrive without the blanks around them, empty ones too, bytes beyond ASCII as Latin-1."""

from case_support import TEXT, note

CLAUSE = "environ Variables: HTTP_ variables; Unicode Issues; RFC 9110 section 5.5"


def application(environ, start_response):
    note(environ, [environ[f"HTTP_X_{name}"] for name in ("BLANKS", "EMPTY", "BYTES", "COMMA")])
    start_response("200 OK", TEXT)
    return [b""]


def check(exchange):
    connection = exchange.connect()
    connection.send(
        b"GET / HTTP/1.1\r\nHost: test\r\nX-Blanks: \t a  b \t\r\nX-Empty:\r\nX-Bytes:J\xc3\xb6rg \xff\r\n"
        b'X-Comma: a, "b,c"\r\n' + exchange.raw_headers() + b"\r\n"
    )
    assert connection.response().status == 200
    assert exchange.notes() == [["a  b", "", "J\xc3\xb6rg \xff", 'a, "b,c"']]

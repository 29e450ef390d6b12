"""The coding of a chunked body is the server's business: CONTENT_LENGTH counts the bytes, HTTP_TRANSFER_ENCODING is gone."""

from case_support import TEXT, note

CLAUSE = (
    "Other HTTP Features: 'WSGI servers must handle any supported inbound \"hop-by-hop\" headers on their own, such "
    "as by decoding any inbound Transfer-Encoding'"
)


def application(environ, start_response):
    note(environ, [environ.get("HTTP_TRANSFER_ENCODING"), environ["CONTENT_LENGTH"], environ["wsgi.input_terminated"]])
    note(environ, environ["wsgi.input"].read(100).decode())
    start_response("200 OK", TEXT)
    return [b""]


def check(exchange):
    assert exchange.send_chunked([b"one ", b"two ", b"three"]).response().status == 200

    assert exchange.notes() == [[None, "13", True], "one two three"]

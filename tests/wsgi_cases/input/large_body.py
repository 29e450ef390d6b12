"""A body far beyond every buffer arrives whole."""

import hashlib

from case_support import TEXT

CLAUSE = (
    "environ Variables: wsgi.input; the server 'may pre-read the client's request body and buffer it in-memory or"
    " on disk'"
)


def application(environ, start_response):
    digest = hashlib.sha256()
    while piece := environ["wsgi.input"].read(100_000):
        digest.update(piece)
    start_response("200 OK", TEXT)
    return [digest.hexdigest().encode()]


def check(exchange):
    body = bytes(range(251)) * 12_000

    digest = hashlib.sha256(body).hexdigest()

    assert exchange.request("POST", body=body).text == digest
    assert exchange.send_chunked([body[:1_000_000], body[1_000_000:]]).response().text == digest

"""A body is bytes: nothing in it is translated, stripped or taken for an end."""

from case_support import TEXT

CLAUSE = "Unicode Issues: values read from wsgi.input 'must be of type bytes'"


def application(environ, start_response):
    body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
    start_response("200 OK", [("Content-Type", "application/octet-stream")])
    return [body]


def check(exchange):
    body = bytes(range(256)) + b"\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n\x1a\x04"

    assert exchange.request("POST", body=body).body == body
    assert exchange.send_chunked([body[:100], body[100:]]).response().body == body

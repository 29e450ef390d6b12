"""What reads forms and JSON reads the stream in its own ways and finds the whole body."""

import email.parser
import json

from case_support import TEXT, note

CLAUSE = "Input and Error Streams: read(size) is enough to build on"


def application(environ, start_response):
    body = environ["wsgi.input"]
    if environ["CONTENT_TYPE"] == "application/json":
        note(environ, json.loads(body.read(int(environ["CONTENT_LENGTH"]))))
    else:
        head = f"Content-Type: {environ['CONTENT_TYPE']}\n\n".encode()
        message = email.parser.BytesParser().parsebytes(head + b"".join(body))
        note(environ, [part.get_payload() for part in message.get_payload()])
    start_response("200 OK", TEXT)
    return [b""]


def check(exchange):
    exchange.request("POST", headers=[("Content-Type", "application/json")], body=b'{"a": [1, 2]}')
    parts = b"--b\r\nContent-Type: text/plain\r\n\r\none\r\n--b\r\nContent-Type: text/plain\r\n\r\ntwo\r\n--b--\r\n"
    exchange.request("POST", headers=[("Content-Type", "multipart/form-data; boundary=b")], body=parts)

    assert exchange.notes() == [{"a": [1, 2]}, ["one", "two"]]

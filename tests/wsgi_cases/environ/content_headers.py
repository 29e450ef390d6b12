"""Content-Type and Content-Length have no HTTP_ in front, and nobody can put one there."""

import json

from case_support import TEXT

CLAUSE = "environ Variables: CONTENT_TYPE, CONTENT_LENGTH; wsgiref.validate refuses HTTP_CONTENT_TYPE"


def application(environ, start_response):
    start_response("200 OK", TEXT)
    return [json.dumps({key: value for key, value in environ.items() if "CONTENT" in key}).encode()]


def check(exchange):
    headers = [("Content-Type", "text/x; charset=utf-8"), ("Content_Type", "text/evil"), ("Content_Length", "9")]

    assert json.loads(exchange.request("POST", "/", headers, b"body").body) == {"CONTENT_TYPE": "text/x; charset=utf-8", "CONTENT_LENGTH": "4"}

"""httpbin as it is, plus one path of our own that shows the environ of the request."""

import json

import httpbin

SHOW_ENVIRON = "/show-environ"


def application(environ, start_response):
    if not environ["PATH_INFO"].startswith(SHOW_ENVIRON):
        return httpbin.app(environ, start_response)
    shown = {name: value if isinstance(value, (str, bool)) else repr(type(value)) for name, value in environ.items()}
    body = json.dumps(shown).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]

"""The application that bench/compare serves: plain WSGI for the server's own cost, a Flask page for a real one.

/       13 bytes
/10k    10 KB
/1m     1 MB
/echo   what the request's body was
/page   a catalogue rendered by Flask and Jinja
"""

from page import page

BODIES = {
    "/": b"Hello, world!",
    "/10k": b"0123456789abcdef" * 640,
    "/1m": b"0123456789abcdef" * 65536,
}


def application(environ, start_response):
    path = environ["PATH_INFO"]
    if path in BODIES:
        body = BODIES[path]
    elif path == "/echo":
        body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
    else:
        return page(environ, start_response)
    start_response("200 OK", [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(body)))])
    return [body]

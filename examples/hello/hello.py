"""The smallest useful WSGI application: greetings of three sizes and an echo.

fettle run --chdir examples/hello hello

/       13 bytes
/10k    10 KB
/1m     1 MB
/echo   what the request's body was
"""

GREETINGS = {
    "/": b"Hello, world!",
    "/10k": b"0123456789abcdef" * 640,
    "/1m": b"0123456789abcdef" * 65536,
}


def application(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/echo":
        status, body = "200 OK", environ["wsgi.input"].read()
    elif path in GREETINGS:
        status, body = "200 OK", GREETINGS[path]
    else:
        status, body = "404 Not Found", b"Try /, /10k, /1m or /echo.\n"
    start_response(status, [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(body)))])
    return [body]

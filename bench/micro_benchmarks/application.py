"""The WSGI applications that the benchmarks of the worker's side run."""

HELLO = b"Hello, world!"
TEN_KILOBYTES = b"x" * 10240
ONE_MEGABYTE = b"x" * (1024 * 1024 - 1024)


def hello(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain; charset=utf-8")])
    return [HELLO]


def ten_kilobytes(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain; charset=utf-8")])
    return [TEN_KILOBYTES]


def one_megabyte(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain; charset=utf-8")])
    return [ONE_MEGABYTE]


def echo(environ, start_response):
    body = environ["wsgi.input"].read()
    start_response("200 OK", [("Content-Type", "application/octet-stream")])
    return [body]

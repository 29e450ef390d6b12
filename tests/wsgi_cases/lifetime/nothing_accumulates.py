"""Ten thousand requests of every kind leave no object, no reference and no block of memory behind."""

import gc
import io
import sys
import tracemalloc

from case_support import TEXT, note

CLAUSE = "Implementation: requests are freed with everything that was made for them"
BARE_ONLY = "it is fettle's objects that are counted"
KINDS = ("list", "generator", "write", "file", "input", "errors", "replaced", "head")
REQUESTS = 10_000


def application(environ, start_response):
    kind = environ["PATH_INFO"][1:]
    if kind == "measure":
        return measure(environ, start_response)
    if kind == "trace":
        tracemalloc.start()
    write = start_response("200 OK", [*TEXT, ("X-Kind", kind)])
    if kind == "generator":
        return (piece for piece in (b"", b"one", b"two"))
    if kind == "write":
        write(b"one")
        return iter([b"two"])
    if kind == "file":
        return environ["wsgi.file_wrapper"](io.BytesIO(b"file"), 2)
    if kind == "input":
        return [environ["wsgi.input"].readline(), *environ["wsgi.input"]]
    if kind == "errors":
        environ["wsgi.errors"].write("")
    if kind == "replaced":
        try:
            raise ValueError
        except ValueError:
            start_response("409 Conflict", TEXT, sys.exc_info())
    return [b"list"]


def measure(environ, start_response):
    gc.collect()
    objects = (environ["wsgi.input"], environ["wsgi.errors"], start_response, environ["wsgi.file_wrapper"](None))
    references = [sys.getrefcount(type(item)) for item in objects]
    note(environ, [len(gc.get_objects()), sys.getallocatedblocks(), *references])
    if tracemalloc.is_tracing():
        note(environ, tracemalloc.get_traced_memory()[0])
        tracemalloc.stop()
    start_response("200 OK", TEXT)
    return [b""]


def check(exchange):
    connection = exchange.connect()

    def run(count):
        for number in range(0, count, 50):
            kinds = [KINDS[(number + i) % len(KINDS)] for i in range(50)]
            for kind in kinds:  # pipelined, so that it does not take long
                method = {"head": "HEAD", "input": "POST"}.get(kind, "GET")
                body = b"Content-Length: 8\r\n\r\nline\nend" if kind == "input" else b"\r\n"
                head = f"{method} /{kind} HTTP/1.1\r\nHost: test\r\n".encode()
                connection.send(head + exchange.raw_headers() + body)
            for kind in kinds:
                assert connection.response("HEAD" if kind == "head" else "GET").status in (200, 409)

    run(500)  # caches fill
    for _ in range(2):
        connection.request("GET", "/measure", exchange.headers)
    run(REQUESTS)
    connection.request("GET", "/measure", exchange.headers)
    connection.request("GET", "/trace", exchange.headers)
    run(500)
    connection.request("GET", "/measure", exchange.headers)
    _, before, after, _, traced = exchange.notes()
    assert all(now - then < REQUESTS / 50 for then, now in zip(before, after)), (before, after)
    assert traced < 100_000  # bytes that 500 requests left

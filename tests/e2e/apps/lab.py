"""The tests' main application: one small function per behaviour, chosen by path.

A gate is a named pipe in TEST_FOLDER: a request that waits at one has certainly started, and goes on when the test
opens it.
"""

import contextlib
import ctypes
import hashlib
import json
import os
import subprocess
import sys
import threading
import time
from urllib.parse import parse_qsl

FOLDER = os.environ["TEST_FOLDER"]
BLOCK = bytes(range(256)) * 256  # 64 KB


def note(file, text):
    """Appends one line with one write(2)."""
    fd = os.open(os.path.join(FOLDER, file), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        os.write(fd, f"{text}\n".encode())
    finally:
        os.close(fd)


def wait_at_gate(name):
    path = os.path.join(FOLDER, name)
    with contextlib.suppress(FileExistsError):
        os.mkfifo(path)
    with open(path, "rb"):  # blocks until the test opens the other end; the interpreter is free meanwhile
        pass


def pattern(count):
    """`count` bytes of BLOCK repeated."""
    return (BLOCK * (count // len(BLOCK) + 1))[:count]


def text(start_response, body, status="200 OK", headers=()):
    body = body if isinstance(body, bytes) else body.encode()
    start_response(status, [("Content-Type", "text/plain"), ("Content-Length", str(len(body))), *headers])
    return [body]


# ---- requests


def environ(env, start_response, _):
    shown = {key: value for key, value in env.items() if isinstance(value, (str, int, bool, tuple))}
    shown["types"] = {key: type(value).__name__ for key, value in env.items()}
    shown["pid"], shown["thread"] = os.getpid(), threading.get_ident()
    return text(start_response, json.dumps(shown), headers=[("X-Pid", str(os.getpid()))])


def worker(env, start_response, _):
    return text(
        start_response, json.dumps({"pid": os.getpid(), "parent": os.getppid(), "thread": threading.get_ident()})
    )


def process_environment(env, start_response, _):
    return text(start_response, json.dumps(dict(os.environ)))


def hash_body(env, start_response, _):
    digest, length = hashlib.sha256(), 0
    while piece := env["wsgi.input"].read(65536):
        digest.update(piece)
        length += len(piece)
    return text(start_response, f"{length} {digest.hexdigest()}")


def read_styles(env, start_response, _):
    """Every way of reading wsgi.input that PEP 3333 names."""
    stream = env["wsgi.input"]
    found = {
        "line": stream.readline(),
        "limited": stream.readline(3),
        "rest_of_line": stream.readline(),
        "read4": stream.read(4),
    }
    found["lines"] = stream.readlines(5)
    found["iterated"] = [next(iter(stream), b"")]
    found["rest"] = stream.read()
    found["end"] = stream.read(10)
    return text(start_response, json.dumps(found, default=bytes.decode))


def echo(env, start_response, _):
    return text(start_response, env["wsgi.input"].read())


def ignore_body(env, start_response, _):
    return text(start_response, "not read")


def sized(env, start_response, query):
    return text(start_response, pattern(int(query["n"])))


def stream(env, start_response, query):
    """n pieces of size bytes, without a declared length."""
    start_response("200 OK", [("Content-Type", "application/octet-stream")])
    piece = pattern(int(query["size"]))
    return (piece for _ in range(int(query["n"])))


def stream_noting(env, start_response, query):
    """As stream, noting how far it came: tells how much a slow reader lets the application run ahead."""
    start_response("200 OK", [("Content-Type", "application/octet-stream")])
    piece = pattern(int(query["size"]))

    def pieces():
        try:
            for index in range(int(query["n"])):
                note("progress", str((index + 1) * len(piece)))
                yield piece
        finally:
            note("closed", "stream")

    return pieces()


def sized_noting(env, start_response, query):
    """One body of n bytes; notes when the server has taken it all."""
    body = pattern(int(query["n"]))
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return Noting([body])


class Noting:
    """An iterable whose close() is noted."""

    def __init__(self, pieces):
        self.pieces = iter(pieces)

    def __iter__(self):
        return self

    def __next__(self):
        return next(self.pieces)

    def close(self):
        note("closed", "noting")


def gate(env, start_response, query):
    wait_at_gate(query["name"])
    return text(start_response, f"{os.getpid()}")


def gated_stream(env, start_response, query):
    """Yields each name, then waits at the gate of that name."""
    start_response("200 OK", [("Content-Type", "text/plain")])

    def pieces():
        for name in query["names"].split(","):
            yield name.encode()
            wait_at_gate(name)
        yield b"end"

    return pieces()


def work(env, start_response, query):
    """A request of devtools.load: about `ms` milliseconds of waiting, noted in the ledger."""
    note("ledger", f"start {query['number']} {os.getpid()} {time.monotonic()}")
    threading.Event().wait(float(query.get("ms", 5)) / 1000)
    note("ledger", f"end {query['number']} {os.getpid()} {time.monotonic()}")
    return text(start_response, query["number"])


def write_callable(env, start_response, _):
    write = start_response("200 OK", [("Content-Type", "text/plain")])
    write(b"one ")
    write(b"two ")
    return [b"three"]


def replaced_response(env, start_response, _):
    start_response("200 OK", [("X-First", "yes")])
    try:
        raise ValueError("changed my mind")
    except ValueError:
        start_response("418 I'm a teapot", [("Content-Type", "text/plain")], sys.exc_info())
    return [b"short and stout"]


def too_late(env, start_response, _):
    """start_response with exc_info after the headers went out must raise that exception."""
    write = start_response("200 OK", [("Content-Type", "text/plain")])
    write(b"sent")
    try:
        raise ValueError("the headers are out")
    except ValueError:
        start_response("500 Internal Server Error", [], sys.exc_info())
    return [b"never"]


def start_twice(env, start_response, _):
    start_response("200 OK", [])
    start_response("200 OK", [])
    return [b""]


def raises(env, start_response, _):
    raise RuntimeError("the application's own words")


def raises_midway(env, start_response, _):
    start_response("200 OK", [("Content-Type", "text/plain")])

    def pieces():
        yield b"a beginning"
        raise RuntimeError("failed in the middle")

    return pieces()


def closes(env, start_response, query):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return Noting([b"x" * 1000] * int(query.get("n", 1)))


def never_starts(env, start_response, _):
    return [b"no start_response"]


def bad_header(env, start_response, _):
    start_response("200 OK", [("X-Injected", "a\r\nSet-Cookie: stolen=1")])
    return [b""]


def errors_stream(env, start_response, _):
    print("a line for wsgi.errors", file=env["wsgi.errors"], flush=True)
    return text(start_response, "noted")


def no_content(env, start_response, _):
    start_response("204 No Content", [])
    return []


def file_response(env, start_response, query):
    start_response("200 OK", [("Content-Type", "application/octet-stream")])
    return env["wsgi.file_wrapper"](open(query["path"], "rb"), 8192)


# ---- ways to die


def exit_now(env, start_response, query):
    note("dying", str(os.getpid()))
    os._exit(int(query["code"]))


def segmentation_fault(env, start_response, _):
    note("dying", str(os.getpid()))
    ctypes.string_at(0)
    return text(start_response, "survived")


def close_descriptors(env, start_response, _):
    """What libraries that turn their process into a daemon do."""
    os.closerange(3, 4096)
    return text(start_response, "closed")


def fork_child(env, start_response, _):
    """A child that outlives the request and its worker, with copies of all descriptors; its pid is the answer."""
    pid = os.fork()
    if pid == 0:
        wait_at_gate("child")
        os._exit(0)
    return text(start_response, str(pid))


def orphan(env, start_response, query):
    """Leaves a grandchild behind whose parent is gone: `sleep`, with its pid noted; a stubborn one ignores SIGTERM."""
    code = (
        "import signal, subprocess as s;"
        + ("signal.signal(signal.SIGTERM, signal.SIG_IGN);" if query.get("stubborn") else "")
        + "print(s.Popen(['sleep', '600'], stdin=s.DEVNULL, stdout=s.DEVNULL, stderr=s.DEVNULL).pid)"
    )
    pid = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.strip()
    return text(start_response, pid)


ROUTES = {
    "/": lambda env, start_response, _: text(start_response, "Hello, world!"),
    "/environ": environ,
    "/worker": worker,
    "/process-environment": process_environment,
    "/hash": hash_body,
    "/read-styles": read_styles,
    "/echo": echo,
    "/ignore-body": ignore_body,
    "/sized": sized,
    "/sized-noting": sized_noting,
    "/stream": stream,
    "/stream-noting": stream_noting,
    "/gate": gate,
    "/gated-stream": gated_stream,
    "/work": work,
    "/write": write_callable,
    "/replaced-response": replaced_response,
    "/too-late": too_late,
    "/start-twice": start_twice,
    "/raise": raises,
    "/raise-midway": raises_midway,
    "/closes": closes,
    "/never-starts": never_starts,
    "/bad-header": bad_header,
    "/errors": errors_stream,
    "/no-content": no_content,
    "/file": file_response,
    "/exit": exit_now,
    "/segv": segmentation_fault,
    "/close-descriptors": close_descriptors,
    "/fork-child": fork_child,
    "/orphan": orphan,
}


def application(env, start_response):
    route = ROUTES.get(env["PATH_INFO"], environ if env["PATH_INFO"].startswith("/environ/") else None)
    if route is None:
        return text(start_response, "no such route", "404 Not Found")
    return route(env, start_response, dict(parse_qsl(env["QUERY_STRING"])))

"""The application of these tests: one function per behaviour, chosen by path. The last part of the path is free for the test."""

import atexit
import gc
import gzip
import io
import json
import os
import signal
import sys
import threading
import time

FOLDER = os.environ.get("TEST_FOLDER", "/nonexistent")
CLOSED = []
KEPT = []
FORKED = []

os.register_at_fork(
    before=lambda: FORKED.append("before"),
    after_in_parent=lambda: FORKED.append("parent"),
    after_in_child=lambda: FORKED.append("child"),
)


def raising_handler(*_):
    raise ValueError("the handler's own words")


signal.signal(signal.SIGUSR1, lambda *_: KEPT.append("handled"))
signal.signal(signal.SIGUSR2, raising_handler)


def at_exit():
    with open(os.path.join(FOLDER, "exited"), "a") as file:
        file.write(f"{os.getpid()}\n")


atexit.register(at_exit)


def plain(start_response, body, status="200 OK"):
    body = body if isinstance(body, bytes) else body.encode()
    start_response(status, [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]


def as_json(start_response, value):
    return plain(start_response, json.dumps(value))


class Noting:
    """An iterable that notes its close()."""

    def __init__(self, pieces, on_close=None):
        self.pieces = iter(pieces)
        self.on_close = on_close

    def __iter__(self):
        return self.pieces

    def close(self):
        CLOSED.append("closed")
        if self.on_close:
            self.on_close()


# ---- requests


def hello(environ, start_response):
    return plain(start_response, "Hello, world!")


def show_environ(environ, start_response):
    shown = {key: value for key, value in environ.items() if isinstance(value, (str, bool, tuple))}
    shown["types"] = {key: type(value).__name__ for key, value in environ.items()}
    return as_json(start_response, shown)


def shared_fields(environ, start_response):
    """The fields of the client whose values somebody else holds, too."""
    fresh = {"key": "-".join(["made", "now"])}
    alone = sys.getrefcount(fresh["key"])
    shared = [key for key in environ if key.startswith("HTTP_") and sys.getrefcount(environ[key]) > alone]
    return as_json(start_response, sorted(shared))


def echo(environ, start_response):
    return plain(start_response, environ["wsgi.input"].read())


def read_styles(environ, start_response):
    stream = environ["wsgi.input"]
    found = [stream.readline(), stream.readline(3), stream.readline(None), stream.read(4), stream.read(0)]
    found += [stream.readlines(5), next(stream), stream.read(), stream.read(10), stream.readline(), stream.readlines(), list(stream)]
    return as_json(start_response, json.loads(json.dumps(found, default=bytes.decode)))


def read_wrongly(environ, start_response):
    raised = []
    for arguments in (("x",), (1, 2), (1.5,), (10**30,)):
        try:
            environ["wsgi.input"].read(*arguments)
        except Exception as error:
            raised.append(type(error).__name__)
    return as_json(start_response, raised)


def read_in_thread(environ, start_response):
    found = []
    reader = threading.Thread(target=lambda: found.append(environ["wsgi.input"].read()))
    reader.start()
    reader.join()
    return plain(start_response, found[0])


def abandon_reader(environ, start_response):
    """Returns while another thread still waits for the body."""

    def read():
        try:
            environ["wsgi.input"].read()
        except (ValueError, OSError) as error:
            KEPT.append(type(error).__name__)

    KEPT.clear()
    thread = threading.Thread(target=read)
    thread.start()
    KEPT.append(thread)
    return plain(start_response, "early")


def abandoned_reader(environ, start_response):
    KEPT.pop(0).join()
    return as_json(start_response, KEPT)


def keep_objects(environ, start_response):
    write = start_response("200 OK", [])
    KEPT[:] = [environ["wsgi.input"], start_response, write]
    return [b"kept"]


def use_kept_objects(environ, start_response):
    raised = []
    stream, old_start, write = KEPT
    for call in (stream.read, lambda: old_start("200 OK", []), lambda: write(b"x")):
        try:
            call()
        except Exception as error:
            raised.append(type(error).__name__)
    return as_json(start_response, raised)


def keep_write(environ, start_response):
    KEPT[:] = [start_response("200 OK", [])]
    return [b"kept"]


def use_kept_write(environ, start_response):
    write = start_response("200 OK", [])
    raised = "nothing"
    try:
        KEPT[0](b"of another request ")
    except OSError as error:
        raised = type(error).__name__
    write(b"own ")
    return [f"{raised} {write is KEPT[0]}".encode()]


def survive_abort(environ, start_response):
    try:
        environ["wsgi.input"].read()
    except OSError as error:
        return plain(start_response, f"{type(error).__name__} {isinstance(error, ConnectionError)}")
    return plain(start_response, "complete")


# ---- responses


def sequence(environ, start_response):
    start_response("200 OK", [])
    return (b"one ", b"", b"two ", b"three")


def empty(environ, start_response):
    start_response("204 No Content", [])
    return []


def stream(environ, start_response):
    """Yields a piece after each piece of the request's body."""
    start_response("200 OK", [])

    def pieces():
        yield b""
        yield b"start"
        while piece := environ["wsgi.input"].read(1):
            yield piece

    return pieces()


def emptied_list(environ, start_response):
    """A list that another thread empties while its only piece is being sent."""
    pieces = [b"x" * 3_000_000]
    go = os.path.join(FOLDER, "go")

    def empty_it():
        while not os.path.exists(go):
            time.sleep(0.001)
        pieces.clear()
        gc.collect()
        open(os.path.join(FOLDER, "emptied"), "w").close()

    threading.Thread(target=empty_it).start()
    start_response("200 OK", [])
    return pieces


def big(environ, start_response):
    """/big/KIND/BYTES"""
    kind, size = environ["PATH_INFO"].split("/")[2:]
    body = (bytes(range(251)) * (int(size) // 251 + 1))[: int(size)]
    if kind == "list":
        start_response("200 OK", [])
        return [body]
    headers = [("Content-Length", size)] if kind == "sized" else []
    start_response("200 OK", headers)
    return Noting([body])


def late_start(environ, start_response):
    """start_response only in the first next()."""

    def pieces():
        start_response("200 OK", [("X-Late", "yes")])
        yield b"late"

    return pieces()


def writes(environ, start_response):
    write = start_response("200 OK", [])
    write(b"one ")
    write(b"")
    write(b"two ")
    return [b"three"]


def replaces(environ, start_response):
    start_response("200 OK", [("X-First", "yes")])
    try:
        raise ValueError("changed my mind")
    except ValueError:
        start_response("418 I'm a teapot", [("X-Second", "yes")], exc_info=sys.exc_info())
    return [b"short and stout"]


def replaces_too_late(environ, start_response):
    write = start_response("200 OK", [])
    write(b"sent")
    try:
        raise LookupError("the headers are out")
    except LookupError:
        start_response("500 Oops", [], sys.exc_info())
    return [b"never"]


def noting(environ, start_response):
    start_response("200 OK", [])
    return Noting([b"a", b"b"])


def noting_raises(environ, start_response):
    start_response("200 OK", [])

    def pieces():
        yield b"a"
        raise RuntimeError("in the middle")

    return Noting(pieces())


def close_raises(environ, start_response):
    start_response("200 OK", [("Content-Length", "1")])
    return Noting([b"a"], on_close=lambda: 1 / 0)


def endless(environ, start_response):
    def pieces():
        while True:
            yield b"x" * 1000

    start_response("200 OK", [])
    return Noting(pieces())


def closed(environ, start_response):
    count = len(CLOSED)
    CLOSED.clear()
    return plain(start_response, str(count))


def file_wrapped(environ, start_response):
    """/file/KIND, of the file TEST_FOLDER/file"""
    kind = environ["PATH_INFO"].split("/")[2]
    path = os.path.join(FOLDER, "file")
    files = {
        "plain": lambda: open(path, "rb"),
        "raw": lambda: open(path, "rb", buffering=0),
        "memory": lambda: io.BytesIO(b"from memory"),
        "gzip": lambda: gzip.open(path + ".gz", "rb"),
        "middle": lambda: open(path, "rb"),
        "closed": lambda: open(path, "rb"),
    }
    file = files[kind]()
    if kind == "middle":
        file.read(1000)
    if kind == "closed":
        file.close()
    KEPT[:] = [file]
    start_response("200 OK", [])
    return environ["wsgi.file_wrapper"](file, 8192)


def file_is_closed(environ, start_response):
    return plain(start_response, str(KEPT[0].closed))


# ---- mistakes


def raises(environ, start_response):
    raise RuntimeError("the application's own words")


def exits(environ, start_response):
    sys.exit(3)


def starts_after_an_error(start):
    try:
        start("200 OK", None)
    except TypeError:
        start("200 OK", [])


MISTAKES = {
    "status-type": lambda start: start(b"200 OK", []),
    "status-form": lambda start: start("OK", []),
    "status-code": lambda start: start("100 Continue", []),
    "status-range": lambda start: start("600 Odd", []),
    "headers-type": lambda start: start("200 OK", (("X", "y"),)),
    "header-shape": lambda start: start("200 OK", ["X: y"]),
    "header-name": lambda start: start("200 OK", [("X Y", "y")]),
    "header-name-type": lambda start: start("200 OK", [(b"X", "y")]),
    "header-value": lambda start: start("200 OK", [("X", "a\r\nSet-Cookie: b")]),
    "header-value-type": lambda start: start("200 OK", [("X", 1)]),
    "hop-by-hop": lambda start: start("200 OK", [("Connection", "close")]),
    "header-latin-1": lambda start: start("200 OK", [("X", "\u20ac")]),
    "two-lengths": lambda start: start("200 OK", [("Content-Length", "1"), ("content-length", "2")]),
    "length": lambda start: start("200 OK", [("Content-Length", "many")]),
    "no-arguments": lambda start: start(),
    "keyword": lambda start: start("200 OK", [], info=None),
    "exc-info": lambda start: start("200 OK", [], "error"),
    "twice": lambda start: (start("200 OK", []), start("200 OK", [])),
    "twice-after-error": starts_after_an_error,
}


def mistake(environ, start_response):
    """Answers with what start_response raised."""
    try:
        MISTAKES[environ["PATH_INFO"].split("/")[2]](start_response)
    except Exception as error:
        said = f"{type(error).__name__}: {error}"
        try:
            raise error
        except Exception:
            start_response("200 OK", [], sys.exc_info())
            return [said.encode()]
    return plain(start_response, "nothing was raised")


def body_mistake(environ, start_response):
    kind = environ["PATH_INFO"].split("/")[2]
    if kind != "not-started":
        start_response("200 OK", [("Content-Length", "10")] if kind.endswith("short") else [])
    return {
        "text": lambda: ["text"],
        "bytes": lambda: b"bytes",
        "none": lambda: None,
        "iterated-text": lambda: iter(["text"]),
        "not-started": lambda: [b"body"],
        "short": lambda: [b"body"],
        "iterated-short": lambda: iter([b"body"]),
    }[kind]()


# ---- the process


def process(environ, start_response):
    return as_json(
        start_response,
        {
            "pid": os.getpid(),
            "parent": os.getppid(),
            "forked": FORKED,
            "session_leader": os.getsid(0) == os.getpid(),
            "argv": sys.argv,
            "path": sys.path,
            "cwd": os.getcwd(),
            "blocked": [int(number) for number in signal.pthread_sigmask(signal.SIG_BLOCK, [])],
            "thread": threading.current_thread().name,
        },
    )


def forks(environ, start_response):
    """The child returns from the application too, which it must not."""
    pid = os.fork()
    if pid == 0:
        try:
            environ["wsgi.input"].read()
        except ValueError:
            print("the child may not read", file=sys.stderr, flush=True)
        return plain(start_response, "child")
    _, status = os.waitpid(pid, 0)
    return plain(start_response, f"parent {os.waitstatus_to_exitcode(status)}")


def fork_exits(environ, start_response):
    """The child leaves as a program does."""
    pid = os.fork()
    if pid == 0:
        sys.exit(7)
    _, status = os.waitpid(pid, 0)
    return plain(start_response, f"parent {os.waitstatus_to_exitcode(status)}")


def child_dies_of_term(environ, start_response):
    pid = os.fork()
    if pid == 0:
        signal.pause()
        os._exit(0)
    os.kill(pid, signal.SIGTERM)
    _, status = os.waitpid(pid, 0)
    return plain(start_response, str(os.waitstatus_to_exitcode(status)))


def kept(environ, start_response):
    return as_json(start_response, KEPT)


def errors(environ, start_response):
    environ["wsgi.errors"].write("said to wsgi.errors\n")
    environ["wsgi.errors"].writelines(["and ", "more\n"])
    environ["wsgi.errors"].flush()
    return plain(start_response, "noted")


BARRIER = threading.Barrier(3)


def meet(environ, start_response):
    """Returns only once three requests are inside the application."""
    BARRIER.wait(30)
    return plain(start_response, threading.current_thread().name)


BASELINE = {}


def count_objects(environ, start_response):
    """What has grown since the first call, beyond the noise of caches: less than one per round of the test."""
    gc.collect()
    watched = ("HTTP_HOST", "wsgi.input", environ["wsgi.file_wrapper"], type(environ["wsgi.input"]), type(start_response), sys.stderr, application, None)
    now = {"objects": len(gc.get_objects()), "blocks": sys.getallocatedblocks(), "references": [sys.getrefcount(item) for item in watched]}
    if not BASELINE:
        BASELINE.update(now)
    grown = [now["objects"] - BASELINE["objects"], now["blocks"] - BASELINE["blocks"]]
    grown += [count - before for count, before in zip(now["references"], BASELINE["references"])]
    return plain(start_response, "stable" if max(grown) < 300 else f"{now} instead of {BASELINE}")


ROUTES = {
    "/": hello,
    "/environ": show_environ,
    "/shared-fields": shared_fields,
    "/echo": echo,
    "/read-styles": read_styles,
    "/read-wrongly": read_wrongly,
    "/read-in-thread": read_in_thread,
    "/abandon-reader": abandon_reader,
    "/abandoned-reader": abandoned_reader,
    "/keep-objects": keep_objects,
    "/use-kept-objects": use_kept_objects,
    "/keep-write": keep_write,
    "/use-kept-write": use_kept_write,
    "/survive-abort": survive_abort,
    "/sequence": sequence,
    "/empty": empty,
    "/stream": stream,
    "/emptied-list": emptied_list,
    "/big": big,
    "/late-start": late_start,
    "/writes": writes,
    "/replaces": replaces,
    "/replaces-too-late": replaces_too_late,
    "/noting": noting,
    "/noting-raises": noting_raises,
    "/close-raises": close_raises,
    "/endless": endless,
    "/closed": closed,
    "/file": file_wrapped,
    "/file-is-closed": file_is_closed,
    "/raises": raises,
    "/exits": exits,
    "/mistake": mistake,
    "/body-mistake": body_mistake,
    "/process": process,
    "/forks": forks,
    "/fork-exits": fork_exits,
    "/child-dies-of-term": child_dies_of_term,
    "/kept": kept,
    "/errors": errors,
    "/meet": meet,
    "/count-objects": count_objects,
}


def application(environ, start_response):
    return ROUTES["/" + environ["PATH_INFO"].split("/")[1]](environ, start_response)

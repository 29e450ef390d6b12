"""The servers that are measured: each is a process tree on one CPU with `name`, `pid`, `port` and `stop()`.

All serve the same application with the same interpreter, one worker, no access log. Each gets the settings that its
own documentation suggests for WSGI and queues that hold the widest load: by default waitress refuses more than 100
connections, and uWSGI's backlog is 100.
"""

import contextlib
import os
import signal
import socket
import subprocess

from devtools import http
from devtools.server import BINARY, Server
from devtools.waiting import wait_until

from .environment import ENVIRONMENT, PYTHON, REPOSITORY

APPLICATION = REPOSITORY / "bench/apps"
SERVER_CPU = "0"
BACKLOG = "1024"


def pinned(command):
    return ["taskset", "-c", SERVER_CPU, *map(str, command)]


class Fettle:
    """A build of fettle. `config` ({section: {key: value}}) is merged over one process with one thread."""

    def __init__(self, name, folder, binary=BINARY, target="compared", chdir=APPLICATION, config=None, env=None):
        self.name, self.closing = name, None
        folder.mkdir()
        sections = {
            "app": {"target": target, "chdir": chdir},
            "listen": {"bind": ["127.0.0.1:0"]},
            "python": {"gil": PYTHON},
            "concurrency": {"processes": 1, "threads": 1},
            "queue": {"max_length": int(BACKLOG)},
        }
        for section, keys in (config or {}).items():
            sections[section] = {**sections.get(section, {}), **keys}
        self.server = Server(folder, sections, env=env, prefix=pinned([]), binary=binary).launch()
        try:
            self.server.wait_ready(sections["concurrency"]["processes"])
        except AssertionError:
            self.stop()
            raise
        self.pid, self.port = self.server.pid, self.server.port

    def stop(self):
        self.server.stop()


class Peer:
    """Any other server: `command(port)` starts it. It is there once it answers `path` with 200.

    `closing` is the same server for one connection per request, where that is a setting of its own.
    """

    def __init__(self, name, folder, command, chdir=APPLICATION, path="/", env=None, closing=None):
        self.name, self.port, self.closing = name, free_port(), closing
        folder.mkdir()
        self.log_file = folder / "log"
        with open(self.log_file, "wb") as log:
            self.process = subprocess.Popen(
                pinned(command(self.port)),
                cwd=chdir,
                env={**os.environ, "VIRTUAL_ENV": str(ENVIRONMENT), "PYTHONDONTWRITEBYTECODE": "1", **(env or {})},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.pid = self.process.pid
        try:
            wait_until(lambda: self._answers(path), 30, f"{name} to answer", self.log_file.read_text)
        except BaseException:
            self.stop()
            raise

    def _answers(self, path):
        assert self.process.poll() is None, f"{self.name} ended\n{self.log_file.read_text()}"
        with contextlib.suppress(OSError, http.ConnectionEnded):
            return http.get(("127.0.0.1", self.port), path, timeout=5).status == 200

    def stop(self):
        """TERM, and KILL for the whole session if that does not end it in time."""
        if self.closing:
            self.closing.stop()
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(self.pid, signal.SIGKILL)
            self.process.wait(20)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def gunicorn(name, folder, *options, target="compared", **where):
    def command(port):
        program = [ENVIRONMENT / "bin/gunicorn", "--bind", f"127.0.0.1:{port}", "--backlog", BACKLOG]
        return [*program, *(options or ["--workers", "1"]), target]

    return Peer(name, folder, command, **where)


def gunicorn_gthread(name, folder):
    return gunicorn(name, folder, "--workers", "1", "--worker-class", "gthread", "--threads", "4")


def uwsgi(name, folder):
    """--http11-socket keeps connections whatever the client says; --http-socket never does, and does not say so."""

    def command(socket_option, *more):
        program = [ENVIRONMENT / "bin/uwsgi", "--listen", BACKLOG, "--master", "--processes", "1", "--threads", "8"]
        program += ["--die-on-term", "--need-app", "--disable-logging", "--virtualenv", ENVIRONMENT, *more]
        return lambda port: [*program, "--module", "compared", socket_option, f"127.0.0.1:{port}"]

    closing = Peer(
        name, folder.with_name("uwsgi-closing"), command("--http-socket", "--add-header", "Connection: close")
    )
    return Peer(name, folder, command("--http11-socket"), closing=closing)


def granian(name, folder):
    def command(port):
        program = [ENVIRONMENT / "bin/granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", port]
        program += ["--workers", "1", "--runtime-threads", "1", "--blocking-threads", "1", "--backlog", BACKLOG]
        return [*program, "--http", "1", "--no-ws", "--no-access-log", "compared:application"]

    return Peer(name, folder, command)


def waitress(name, folder):
    def command(port):
        program = [ENVIRONMENT / "bin/waitress-serve", "--listen", f"127.0.0.1:{port}", "--threads", "4"]
        return [*program, "--backlog", BACKLOG, "--connection-limit", BACKLOG, "compared:application"]

    return Peer(name, folder, command)


def floor(name, folder, program):
    """Canned responses from an epoll loop (bench/floor.cpp): what the kernel costs, no Python, no application."""
    return Peer(name, folder, lambda port: [program, port])

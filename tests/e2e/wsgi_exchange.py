"""How the check of a WSGI case (tests/wsgi_cases) talks to its application."""

import errno
import itertools
import json
import os
import re
import select

import pytest
from devtools.http import Connection, ConnectionEnded, chunked, request_bytes
from harness import is_suspicious

_RUNS = itertools.count(1)

# Beyond what no test may leave in the log: Python's and the validator's complaints.
_COMPLAINT = re.compile(r"WSGIWarning|ResourceWarning|Exception ignored|without being closed|AssertionError")

# What the balancer says of requests that failed and of headers it dropped. It says it a little later than the worker,
# perhaps in the next case, and not every time if there are many; what the client saw is for the case to check.
_ECHO = re.compile(r" balancer warning: request(s? failed|s? headers? dropped) ")


class Exchange:
    """One run of one case: its requests, its notes and its part of the log. `validated`: with the validator."""

    def __init__(self, server, name, validated):
        self.server = server
        self.validated = validated
        self.run = f"{os.getpid()}-{next(_RUNS)}"
        self.headers = [("X-Case", name), ("X-Run", self.run), *([("X-Validate", "1")] if validated else [])]
        self._connections = []
        self._log_start = len(server.log())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for connection in self._connections:
            connection.close()
        for gate in self.folder.glob(f"*-{self.run}"):  # a case that failed must not hold up the next one
            if gate.is_fifo():
                self._try_to_open(gate)

    # ---- requests

    def get(self, target="/", headers=(), **more):
        return self.request("GET", target, headers, **more)

    def request(self, method="GET", target="/", headers=(), body=None, version="HTTP/1.1"):
        """One request on a connection of its own, and its response."""
        return self.connect().request(method, target, [*self.headers, *headers], body, version)

    def send(self, method="GET", target="/", headers=(), body=None, version="HTTP/1.1"):
        """One request whose response is still to be read; Content-Length in `headers` may promise more than `body`."""
        connection = self.connect()
        connection.send(request_bytes(method, target, [*self.headers, *headers], body, version))
        return connection

    def cut(self, target="/"):
        """For a response that must end too early: what came of its body, and at most that."""
        with pytest.raises(ConnectionEnded) as caught:
            self.get(target)
        return caught.value.received

    @staticmethod
    def is_silent(connection):
        """Nothing arrives for a moment."""
        return not select.select([connection.socket], [], [], 0.05)[0]

    def send_chunked(self, pieces, target="/"):
        """As send(), a POST whose body comes in chunks."""
        connection = self.connect()
        headers = [*self.headers, ("Transfer-Encoding", "chunked")]
        connection.send(request_bytes("POST", target, headers) + chunked(pieces))
        return connection

    def connect(self):
        sockets = self.server.socket_files
        connection = Connection(str(self.folder / sockets[0]) if sockets else self.server.address)
        self._connections.append(connection)
        return connection

    def raw_headers(self):
        """What a request written by hand needs to reach the case."""
        return b"".join(f"{name}: {value}\r\n".encode() for name, value in self.headers)

    # ---- what the application saw

    def notes(self):
        path = self.server.folder / f"notes-{self.run}"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def wait_notes(self, count):
        """The notes, once there are `count`: what happens behind the response's end may come after it."""
        self.server.wait_until(lambda: len(self.notes()) >= count, 20, f"{count} notes of {self.run}")
        return self.notes()

    @property
    def folder(self):
        """Shared with the application (case_support.FOLDER)."""
        return self.server.folder

    def open_gate(self, name="gate"):
        """Lets the application go on that waits, or will wait, at case_support.wait_at_gate()."""
        path = self.server.folder / f"{name}-{self.run}"
        self.server.wait_until(lambda: self._try_to_open(path), 20, f"the application at the gate '{name}'")

    @staticmethod
    def _try_to_open(path):
        try:
            os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK))
            return True
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.ENXIO):  # no gate yet, nobody there yet
                raise
            return False

    def wait_gate(self, name="gate"):
        """Until the application waits there."""
        self.server.wait_until((self.server.folder / f"{name}-{self.run}").exists, 20, f"a gate '{name}'")

    # ---- the log

    def log(self):
        """What was written since the case began."""
        return self.server.log()[self._log_start :]

    def wait_log(self, pattern):
        return self.server.wait_until(
            lambda: re.search(pattern, self.log(), re.MULTILINE), 20, f"{pattern!r} in the log of the case"
        )

    # ---- the end

    def finish(self, expected):
        """Every pattern of `expected` is in the log, and nothing that needs an explanation besides."""
        for pattern in expected:
            self.wait_log(pattern)
        if expected:
            assert self.connect().request("GET", "/", [("X-Case", "end-of-case")]).body == b"ended"
        explained = [*expected, "^Traceback"] if expected else []
        unexplained = [
            line
            for line in self.log().splitlines()
            if not line.startswith("  ")  # the code in a traceback
            and not _ECHO.search(line)
            and (is_suspicious(line) or _COMPLAINT.search(line)) and not any(re.search(p, line) for p in explained)
        ]
        assert not unexplained, "unexplained lines in the log:\n" + "\n".join(unexplained) + "\n\n" + self.log()
        self.server.allow_log(*explained, _ECHO.pattern)

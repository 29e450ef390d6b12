"""Server for the tests: devtools' server plus the invariants that hold after every test, whatever it did to the server.

- It ended with the exit code the test expects (0).
- No process of it is left, not even a zombie. The test process is a subreaper: everything orphaned ends up below it.
- No Unix socket file of it is left.
- Nothing in the log is unexplained: no warning, error, sanitizer report, traceback or assertion that the test did not
  announce with expect_log().
"""

import contextlib
import errno
import os
import re
import signal
import subprocess
from pathlib import Path

from devtools import http, processes
from devtools.server import BINARY, LOG_LINE, clean_environment
from devtools.server import Server as PlainServer
from devtools.waiting import settled, wait_until

APPS = Path(__file__).with_name("apps")

# What must not be in the log unannounced, be it a line of fettle's or of anybody else.
_SUSPICIOUS = re.compile(
    r"(Address|Leak|UndefinedBehavior|Thread)Sanitizer|runtime error:|assertion .* failed|terminate called"
    r"|Traceback|Fatal Python"
)


# What the balancer says when a worker takes its running requests with it.
REQUESTS_LOST = (
    r"request failed status=502 reason='the worker died while it ran the request'",
    r"worker died with requests seat=\d+ .*lost=[1-9]",
)


def died(who, cause="signal 9 (SIGKILL), not sent by fettle"):
    """The line about the end of "worker seat=3", "balancer" or "zygote"."""
    role, _, seat = who.partition(" ")
    return rf"supervisor warning: {role} died {seat}.*cause='{re.escape(cause)}'"


class Server(PlainServer):
    """Ready to use after start(): `config` is merged over the tests' defaults (one worker, any port, an app of apps/);
    `raw` leaves configuration and command line to `arguments`."""

    def __init__(self, folder, target=None, config=None, arguments=(), env=None, raw=False, **more):
        self._expected_log = []
        self._connections = []
        self.expected_exit = 0
        self.socket_files = []
        if not raw:
            config = merged(
                {
                    "app": {"target": target, "chdir": APPS},
                    "listen": {"bind": ["127.0.0.1:0"]},
                    "concurrency": {"processes": 1},
                    "http": {"threads": 1},  # on every machine: tests rely on the order in which they send
                    "timeouts": {"graceful": 10},
                },
                config or {},
            )
            self.processes = config["concurrency"]["processes"]
            self.socket_files = [
                bind.removeprefix("unix:") for bind in config["listen"]["bind"] if bind.startswith("unix:")
            ]
        super().__init__(
            folder,
            config,
            arguments,
            env={"TEST_FOLDER": str(folder), **(env or {})},
            **more,
        )

    # ---- life

    def start(self, timeout=30):
        self.launch()
        self.wait_ready(self.processes, timeout)
        return self

    def finish(self):
        """Ends the server if the test did not, and checks what must hold for every server."""
        if self.process is None:
            return
        for connection in self._connections:
            connection.close()
        stopped_here = self.process.poll() is None
        try:
            code = self.stop()
        except AssertionError:
            for process in processes.descendants(self.pid):
                signal_if_there(process.pid)
            self.process.kill()
            self.process.wait()
            raise
        assert code == self.expected_exit, (
            f"fettle {'stopped' if stopped_here else 'had ended'} with exit code {code}, not {self.expected_exit}\n"
            + self.log_excerpt()
        )
        for path in self.socket_files:
            assert not (self.folder / path).exists(), f"the socket file {path} was left behind"
        self.check_log()

    # ---- the log

    def expect_log(self, *patterns):
        """Announces lines (regular expressions) that would otherwise fail the test. Each must appear."""
        self._expected_log += [(pattern, True) for pattern in patterns]

    def allow_log(self, *patterns):
        """Like expect_log(), for lines that may or may not come (a race the test does not decide)."""
        self._expected_log += [(pattern, False) for pattern in patterns]

    def check_log(self):
        text = self.log()
        unexplained = [
            line
            for line in text.splitlines()
            if is_suspicious(line) and not any(re.search(pattern, line) for pattern, _ in self._expected_log)
        ]
        assert not unexplained, "unexplained lines in the log:\n" + "\n".join(unexplained) + f"\n\n{self.log_excerpt()}"
        for pattern, required in self._expected_log:
            assert not required or re.search(pattern, text, re.MULTILINE), (
                f"{pattern!r} was announced but is not in the log\n{self.log_excerpt()}"
            )

    # ---- talking to it

    @property
    def address(self):
        """Of the first TCP bind."""
        return ("127.0.0.1", self.port)

    def connect(self, timeout=20):
        """A connection that is closed when the test ends, if not before."""
        self._connections.append(http.Connection(self.address, timeout))
        return self._connections[-1]

    def get(self, target, headers=(), timeout=20):
        return http.get(self.address, target, headers, timeout)

    def reached(self, gate, timeout=20):
        """Waits until a request of apps/lab.py is at the gate."""
        self.wait_until((self.folder / gate).exists, timeout, f"a request at the gate '{gate}'")

    def release(self, gate, timeout=20):
        """Opens a gate once a request waits at it."""

        def opened():
            try:
                os.close(os.open(self.folder / gate, os.O_WRONLY | os.O_NONBLOCK))
                return True
            except OSError as error:
                if error.errno not in (errno.ENOENT, errno.ENXIO):  # no gate yet, nobody there yet
                    raise
                return False

        self.wait_until(opened, timeout, f"a request at the gate '{gate}'")

    def wait_resources(self, before):
        """Until the resources are what they were: no descriptor, no memory file leaked."""
        wait_until(
            lambda: self._resources() == before,
            5,
            "the resources of before",
            lambda: f"before: {before}\nnow: {self._resources()}\n{self.log_excerpt()}",
        )

    def resources(self):
        """As _resources(), once they have stopped changing: the last connection may still be about to be closed."""
        return settled(self._resources, 0.1, 10, "the server to be idle")

    def _resources(self):
        """{role and seat: (open descriptors, memory files)} of every process; equal before and after: no leak."""
        return {
            (p.role, p.number if p.role == "worker" else None): (
                len(processes.descriptors(p.pid)),
                len(processes.memory_files(p.pid)),
            )
            for p in [processes.read(self.pid), *processes.descendants(self.pid)]
            if p is not None and p.role and not p.zombie
        }


def fettle(*arguments, env=None, cwd=APPS, timeout=60, binary=BINARY):
    """Runs a fettle that ends by itself; what it said is in stdout and stderr."""
    return subprocess.run(
        [binary, *arguments],
        cwd=cwd,
        env=clean_environment({"TEST_FOLDER": "/nonexistent", **(env or {})}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=timeout,
        text=True,
        check=False,
    )


def is_suspicious(line):
    ours = LOG_LINE.match(line)
    if ours:
        return ours["level"] in ("warning", "error")
    return bool(_SUSPICIOUS.search(line))


def merged(base, extra):
    return {section: {**base.get(section, {}), **extra.get(section, {})} for section in {**base, **extra}}


def signal_if_there(pid, number=signal.SIGKILL):
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def strays(before):
    """Descendants of the test process that were not there before the test."""
    return [p for p in processes.descendants(os.getpid()) if (p.pid, p.started) not in before]


def leftover(before):
    """Reaps what ended meanwhile; kills and reports what did not."""

    def reaped():
        try:
            while os.waitpid(-1, os.WNOHANG) != (0, 0):
                pass
        except ChildProcessError:
            pass
        return not [p for p in strays(before) if p.zombie]

    wait_until(reaped, 5, "zombies to be reaped")
    found = strays(before)
    for process in found:
        signal_if_there(process.pid)
    if found:
        wait_until(lambda: reaped() and not strays(before), 5, "killed strays to end")
    return [f"left behind: pid {p.pid} ({p.state}): {p.command}" for p in found]

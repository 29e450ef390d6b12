"""A fettle in a folder of its own: configuration, log, free port, start, stop."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

from . import processes
from .waiting import wait_until

REPOSITORY = Path(__file__).resolve().parents[2]
BINARY = Path(os.environ.get("FETTLE_BIN", REPOSITORY / "build/release/bin/fettle")).absolute()

# A line of the supervisor or balancer: when, pid, who, level, message.
LOG_LINE = re.compile(
    r"^(?P<time>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}) \S+ \[(?P<pid>\d+)\]"
    r" (?P<process>\w+) (?P<level>debug|info|warning|error): (?P<message>.*)$"
)


def to_toml(config):
    """{"section": {"key": value}} as TOML; values are strings, numbers, booleans, lists of these, or {name: string}."""

    def value(item):
        if isinstance(item, dict):
            return "{" + ", ".join(f"{json.dumps(name)} = {value(inner)}" for name, inner in item.items()) + "}"
        if isinstance(item, list):
            return "[" + ", ".join(map(value, item)) + "]"
        return json.dumps(str(item) if isinstance(item, Path) else item, ensure_ascii=False)

    lines = []
    for section, keys in config.items():
        lines += [f"[{section}]", *(f"{key} = {value(item)}" for key, item in keys.items()), ""]
    return "\n".join(lines)


def clean_environment(extra=None):
    """Ours without what configures a fettle; the interpreter that runs this is the application's."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("FETTLE_") and name not in ("PORT", "WEB_CONCURRENCY")
    }
    return {**inherited, "VIRTUAL_ENV": sys.prefix, "PYTHONDONTWRITEBYTECODE": "1", **(extra or {})}


class Server:
    """`folder` must exist. `config` ({section: {key: value}}, or TOML as text) runs `fettle serve`; without it
    `arguments` are a whole command line. Standard output and standard error go to `log_file`."""

    def __init__(self, folder, config=None, arguments=(), env=None, cwd=None, prefix=(), binary=BINARY):
        self.folder = Path(folder)
        self.log_file = self.folder / "fettle.log"
        self.config_file = self.folder / "fettle.toml"
        self.cwd = cwd or self.folder
        self.env = clean_environment(env)
        self.command = [*prefix, str(binary)]
        self.arguments = list(arguments)
        self.process = None
        if config is not None:
            self.config_file.write_text(config if isinstance(config, str) else to_toml(config))
            self.arguments = ["serve", "-c", str(self.config_file), *self.arguments]

    @property
    def pid(self):
        return self.process.pid

    @property
    def port(self):
        """Of the first TCP bind."""
        return self.ports()[0]

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    # ---- life

    def launch(self):
        with open(self.log_file, "ab") as log:
            self.process = subprocess.Popen(
                [*self.command, *self.arguments],
                cwd=self.cwd,
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        return self

    def wait_ready(self, workers, timeout=30):
        """Until that many workers are ready at once."""
        self.wait_until(
            lambda: self.process.poll() is not None or len(self.ready_workers()) >= workers,
            timeout,
            f"{workers} ready workers",
        )
        if self.process.poll() is not None:
            raise AssertionError(
                f"fettle ended with exit code {self.process.returncode} before it was ready\n{self.log_excerpt()}"
            )
        return self

    def send_signal(self, number):
        self.process.send_signal(number)

    def wait_exit(self, timeout=60):
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(
                f"fettle did not end within {timeout} s\n{processes.pretty(self.pid)}\n{self.log_excerpt()}"
            ) from None

    def stop(self, timeout=60):
        """TERM, and the exit code."""
        if self.process.poll() is None:
            self.send_signal(signal.SIGTERM)
        return self.wait_exit(timeout)

    # ---- what it says

    def log(self):
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""

    def log_messages(self, pattern=""):
        """The messages of fettle's own lines that match."""
        lines = (LOG_LINE.match(line) for line in self.log().splitlines())
        return [line["message"] for line in lines if line and re.search(pattern, line["message"])]

    def log_excerpt(self):
        return "---- end of the log ----\n" + "\n".join(self.log().splitlines()[-60:])

    def wait_until(self, condition, timeout, what):
        return wait_until(condition, timeout, what, self.log_excerpt)

    def wait_log(self, pattern, timeout=20, count=1):
        """Until `count` of fettle's lines match; returns the matches."""
        matches = lambda: [match for match in (re.search(pattern, line) for line in self.log().splitlines()) if match]  # noqa: E731
        return self.wait_until(
            lambda: len(found := matches()) >= count and found, timeout, f"{count} x {pattern!r} in the log"
        )

    def ports(self):
        """The TCP ports it listens on, in the order of listen.bind: the log says what the kernel chose for port 0."""
        return [
            int(port) for message in self.log_messages("^serving on ") for port in re.findall(r":(\d+)/?$", message)
        ]

    # ---- its processes

    def ready_workers(self):
        """The living workers that the log calls ready."""
        messages = self.log_messages("^worker ready ")
        ready = {int(pid) for message in messages for pid in re.findall(r"\bpid=(\d+)", message)}
        return [worker for worker in self.workers() if worker.pid in ready]

    def wait_replaced(self, worker, timeout=10):
        """Until another process is ready in the worker's seat; returns it."""

        def replacement():
            return next((w for w in self.ready_workers() if w.number == worker.number and w.pid != worker.pid), None)

        return self.wait_until(replacement, timeout, f"seat {worker.number} to be filled again")

    def by_role(self, role):
        return sorted(
            (p for p in processes.descendants(self.pid) if p.role == role and not p.zombie),
            key=lambda p: (p.number or 0, p.pid),
        )

    def workers(self):
        return self.by_role("worker")

    def balancer(self):
        found = self.by_role("balancer")
        return found[-1] if found else None

    def zygote(self):
        found = self.by_role("zygote")
        return found[-1] if found else None

    def kill(self, process, number=signal.SIGKILL):
        """Signals a process of this server; returns when, on the monotonic clock."""
        assert process is not None, "there is no such process"
        moment = time.monotonic()
        os.kill(process.pid, number)
        return moment

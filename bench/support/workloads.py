"""What is asked of the servers: a path, a number of connections, and whether they are kept."""

from dataclasses import dataclass
from pathlib import Path

ECHO_SCRIPT = Path(__file__).with_name("echo.lua")
TYPICAL = 64  # connections, where one number has to stand for all


@dataclass(frozen=True)
class Workload:
    task: str  # hello, 10k, 1m, echo, page
    path: str
    connections: int
    keep_alive: bool = True
    script: Path | None = None

    @property
    def name(self):
        return f"{self.task}/{self.connections}" if self.keep_alive else f"{self.task}/close"

    @property
    def headers(self):
        return () if self.keep_alive else ("Connection: close",)


HELLO = Workload("hello", "/", TYPICAL)
TASKS = {"hello": "/", "10k": "/10k", "1m": "/1m", "echo": "/echo", "page": "/page"}


def choose(tasks, quick):
    """Every task with 16, 64 and 256 kept connections and with one connection per request (64 at a time); quick: with
    64, and the smallest response also with one connection per request."""
    chosen = []
    for task in tasks:
        path, script = TASKS[task], ECHO_SCRIPT if task == "echo" else None
        chosen += [Workload(task, path, count, script=script) for count in ([TYPICAL] if quick else [16, TYPICAL, 256])]
        if task == "hello" or not quick:
            chosen.append(Workload(task, path, TYPICAL, keep_alive=False, script=script))
    return chosen

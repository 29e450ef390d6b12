"""Load with a conscience: every request has a number, the application (/work of tests/e2e/apps/lab.py) notes in a
ledger which it saw, and afterwards each is accounted for.

The ledger is a file that workers append to with single write(2) calls on O_APPEND: "start NUMBER PID TIME" as the
application's first act, "end NUMBER PID TIME" as its last. Lines survive kill -9.
"""

import threading
import time
from collections import Counter
from dataclasses import dataclass

from .http import Connection, ConnectionEnded, request_bytes


@dataclass
class Outcome:
    number: int
    sent: float
    ended: float
    result: str  # the status code, "closed" (no complete response) or "timeout"

    @property
    def seconds(self):
        return self.ended - self.sent


class Load:
    """`clients` threads, each with one keep-alive connection at a time, each sending GET `target` (with {number} filled
    in) again and again until stop()."""

    def __init__(self, address, target, clients=8, timeout=15):
        self.address = address
        self.target = target
        self.timeout = timeout
        self.outcomes = []
        self._next = 0
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._client, daemon=True) for _ in range(clients)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        """Lets every client finish the request it sent."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def done(self):
        return len(self.outcomes)

    def answered(self):
        return sum(1 for outcome in list(self.outcomes) if outcome.result == "200")

    def _number(self):
        with self._lock:
            self._next += 1
            return self._next

    def _client(self):
        connection = None
        while not self._stop.is_set():
            number = self._number()
            sent = time.monotonic()
            keep = False
            try:
                connection = connection or Connection(self.address, self.timeout)
                connection.send(request_bytes("GET", self.target.format(number=number)))
                response = connection.response()
                result = str(response.status)
                keep = (response.header("Connection") or "").lower() != "close"
            except TimeoutError:
                result = "timeout"
            except (ConnectionEnded, OSError):
                result = "closed"
            self.outcomes.append(Outcome(number, sent, time.monotonic(), result))
            if connection is None:  # refused: there is no server now
                self._stop.wait(0.01)
            elif not keep:
                connection.close()
                connection = None
        if connection is not None:
            connection.close()


@dataclass(frozen=True)
class Entry:
    event: str  # "start" or "end"
    number: int  # of the request
    pid: int
    at: float  # CLOCK_MONOTONIC, the same for all processes


class Ledger:
    def __init__(self, path):
        self.path = path

    def entries(self):
        try:
            with open(self.path, encoding="ascii") as file:
                fields = [line.split() for line in file]
        except FileNotFoundError:
            return []
        return [Entry(event, int(number), int(pid), float(at)) for event, number, pid, at in fields]

    def started(self):
        """{number: how often the application saw the request}"""
        return Counter(entry.number for entry in self.entries() if entry.event == "start")

    def first_start(self, pid, after):
        """When the process began its first request after that moment; None if it has not."""
        return min((e.at for e in self.entries() if e.pid == pid and e.event == "start" and e.at > after), default=None)


@dataclass
class Account:
    total: int
    answered: int  # 200
    hung: list  # no end within the client's time-out
    lost_claimed: list  # failed, but the application had seen it: it died with its worker
    lost_unclaimed: list  # failed although no application ever saw it: must be empty
    ran_twice: list  # seen by more than one worker: must be empty


def settle(load, ledger):
    """Accounts for every request of a finished load."""
    started = ledger.started()
    failed = [outcome for outcome in load.outcomes if outcome.result != "200"]
    return Account(
        total=len(load.outcomes),
        answered=len(load.outcomes) - len(failed),
        hung=[outcome for outcome in failed if outcome.result == "timeout"],
        lost_claimed=[outcome for outcome in failed if outcome.result != "timeout" and outcome.number in started],
        lost_unclaimed=[outcome for outcome in failed if outcome.result != "timeout" and outcome.number not in started],
        ran_twice=[number for number, count in started.items() if count > 1],
    )

"""Load with a conscience: every request has a number, the application notes in a ledger which it saw, and afterwards each is accounted for.

The ledger is a file that workers append to with single write(2) calls on O_APPEND: "start NUMBER PID" as the application's first act,
"end NUMBER PID" as its last. Lines survive kill -9.
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
    """`clients` threads, each with one keep-alive connection at a time, each sending GET `target` (with {number} filled in) again and
    again until stop(). A connection that the server closes *between* requests is opened anew and counts for nothing."""

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
            try:
                connection = connection or Connection(self.address, self.timeout)
                connection.send(request_bytes("GET", self.target.format(number=number)))
                response = connection.response()
                result = str(response.status)
                if (response.header("Connection") or "").lower() == "close":
                    connection.close()
                    connection = None
            except TimeoutError:
                result = "timeout"
            except (ConnectionEnded, OSError):
                result = "closed"
            if result in ("timeout", "closed") and connection is not None:
                connection.close()
                connection = None
            self.outcomes.append(Outcome(number, sent, time.monotonic(), result))


class Ledger:
    def __init__(self, path):
        self.path = path

    def lines(self):
        try:
            with open(self.path, encoding="ascii") as file:
                return [(event, int(number), int(pid)) for event, number, pid in map(str.split, file)]
        except FileNotFoundError:
            return []

    def started(self):
        return Counter(number for event, number, _ in self.lines() if event == "start")

    def ended(self):
        return Counter(number for event, number, _ in self.lines() if event == "end")

    def running(self):
        """{number: pid} of requests that started and have not ended."""
        open_requests = {}
        for event, number, pid in self.lines():
            if event == "start":
                open_requests[number] = pid
            else:
                open_requests.pop(number, None)
        return open_requests


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

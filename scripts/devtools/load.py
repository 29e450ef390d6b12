"""Load with a conscience: every request has a number, the application (/work of tests/e2e/apps/lab.py) notes in a
ledger which it saw, and afterwards each is accounted for.

The ledger is a file that workers append to with single write(2) calls on O_APPEND: "start NUMBER PID TIME" as the
application's first act, "end NUMBER PID TIME" as its last. Lines survive kill -9.
"""

import contextlib
import re
import threading
import time
from collections import Counter
from dataclasses import dataclass

from .http import Connection, ConnectionEnded, request_bytes
from .waiting import wait_until


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
    """What the application wrote: one line when it sees a request, one when it is through with it."""

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

    def unfinished(self):
        """{pid: numbers of the requests it has begun and not ended}"""
        open_requests = {}
        for entry in self.entries():
            if entry.event == "start":
                open_requests.setdefault(entry.pid, set()).add(entry.number)
            else:
                open_requests.get(entry.pid, set()).discard(entry.number)
        return open_requests


# For [log] access_format: what the balancer knows of each request of a Load.
ACCESS_FORMAT = "%(q)s %(p)s %(s)s"


def failed_in(path):
    """{number: pid} of the requests that the balancer gave up because that worker died with them: a 502 of its own."""
    found = {}
    with open(path, encoding="ascii") as file:
        for line in file:
            given_up = re.fullmatch(r"\S*\bnumber=(\d+)\S* <(\d+)> 502\n", line)
            if given_up:
                found[int(given_up[1])] = int(given_up[2])
    return found


@dataclass
class Account:
    """Every request of a load is in exactly one of: answered, hung, lost_claimed, lost_at_claim, lost_unclaimed."""

    total: int
    answered: int  # 200
    hung: list  # no end within the client's time-out
    lost_claimed: list  # failed, but the application had seen it: it died with its worker
    lost_at_claim: list  # 502: its slot had claimed it, and died before the application's first instruction
    lost_unclaimed: list  # failed, and neither of these: must be empty
    ran_twice: list  # seen by more than one worker: must be empty


def settle(load, ledger, access_log=None, patience=5):
    """Accounts for every request of a finished load against servers with one slot per worker.

    A slot has claimed at most one request when it dies. So a 502 that no application saw is that one request only if
    the application of the same worker was not inside another one, and if the worker took no other request with it.
    """
    started = ledger.started()
    failed = [outcome for outcome in load.outcomes if outcome.result != "200"]
    hung = [outcome for outcome in failed if outcome.result == "timeout"]
    ended = [outcome for outcome in failed if outcome.result != "timeout"]
    unseen = [outcome for outcome in ended if outcome.number not in started]
    given_up = {}
    if access_log:  # its writer may be a moment behind: `patience` seconds
        refused = {outcome.number for outcome in unseen if outcome.result == "502"}
        with contextlib.suppress(AssertionError):
            wait_until(lambda: refused <= failed_in(access_log).keys(), patience, "the access log")
        given_up = failed_in(access_log)
    per_worker = Counter(given_up.values())
    unfinished = ledger.unfinished()

    def claimed_at_death(outcome):
        pid = given_up.get(outcome.number)
        return outcome.result == "502" and pid is not None and per_worker[pid] == 1 and not unfinished.get(pid)

    return Account(
        total=len(load.outcomes),
        answered=len(load.outcomes) - len(failed),
        hung=hung,
        lost_claimed=[outcome for outcome in ended if outcome.number in started],
        lost_at_claim=[outcome for outcome in unseen if claimed_at_death(outcome)],
        lost_unclaimed=[outcome for outcome in unseen if not claimed_at_death(outcome)],
        ran_twice=[number for number, count in started.items() if count > 1],
    )

"""http.threads = 2: the balancer has two threads, and keeps every promise it keeps with one."""

import contextlib
import hashlib
import itertools
import json
import random
import re
import signal
import threading
from pathlib import Path

import pytest
from devtools.http import chunked, request_bytes
from devtools.load import ACCESS_FORMAT, Ledger, Load, settle
from harness import REQUESTS_LOST, died, merged

BLOCK = bytes(range(256)) * 256  # what apps/lab.py makes its bodies of
PROBE = 1_000_000  # above the numbers of the tests' own requests


@pytest.fixture
def lab(server, folder):
    """lab(config): a started server of apps/lab.py with two threads in its balancer and an access log."""

    def start(config, access_format="%(q)s %(id)s"):
        log = {"access": folder / "access.log", "access_format": access_format}
        return server("lab", merged({"http": {"threads": 2}, "log": log}, config)).start()

    return start


def balancer_threads(folder):
    """{number of the request: thread of the balancer}: the ids of a thread count up from a start of its own, and the
    starts are 2^56 apart."""
    lines = (folder / "access.log").read_text().splitlines()
    matches = (re.fullmatch(r"\S*\bnumber=(\d+)\S* ([0-9a-f]{16})", line) for line in lines)
    return {int(match[1]): match[2][:2] for match in matches if match}


def connect_to_both(two, folder, each):
    """`each` connections to either thread, in turns. Which thread accepts a connection is the kernel's choice."""
    by_thread = {}
    numbers = itertools.count(PROBE)

    def enough():
        fresh = {next(numbers): two.connect() for _ in range(each)}
        for number, connection in fresh.items():
            # Not so short that a slot would be given requests in advance, which return to a queue even if it is full.
            assert connection.request("GET", f"/work?number={number}&ms=3").status == 200
        two.wait_until(lambda: fresh.keys() <= balancer_threads(folder).keys(), 10, "the access log")
        for number, connection in fresh.items():
            by_thread.setdefault(balancer_threads(folder)[number], []).append(connection)
        return len(by_thread) == 2 and min(map(len, by_thread.values())) >= each and by_thread.values()

    first, second = two.wait_until(enough, 20, "connections to both threads")
    return [connection for pair in zip(first[:each], second[:each], strict=True) for connection in pair]


def on_all(connections, job):
    """job(index, connection) on every connection at the same time; what the jobs returned."""
    results = [None] * len(connections)

    def run(index):
        try:
            results[index] = job(index, connections[index])
        except Exception as error:  # shown by the test that compares the results
            results[index] = error

    threads = [threading.Thread(target=run, args=(index,)) for index in range(len(connections))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def a_request(chance, number):
    """Bytes of a request that nobody else sends, and the body of its answer."""
    kind = chance.randrange(8)
    if kind == 0:
        return request_bytes("GET", f"/work?number={number}&ms=20"), b"%d" % number
    if kind == 1:
        size = chance.randrange(200_000)
        return request_bytes("GET", f"/sized?n={size}&number={number}"), (BLOCK * (size // len(BLOCK) + 1))[:size]
    if kind == 2:
        return request_bytes("GET", f"/stream?n=5&size=3000&number={number}"), BLOCK[:3000] * 5
    body = f"the body of request {number} ".encode() * chance.randrange(1, 100)
    return request_bytes("POST", f"/echo?number={number}", body=body), body


def test_hundreds_of_connections_get_their_own_answers_fast_and_slow(lab, folder):
    two = lab({"concurrency": {"processes": 2, "threads": 4}, "queue": {"max_length": 1000}})
    connections = connect_to_both(two, folder, 20)
    connections += [two.connect() for _ in range(260)]
    chance = random.Random(4)

    for turn in range(10):
        requests = [a_request(chance, turn * len(connections) + index) for index in range(len(connections))]
        for connection, (sent, _) in zip(connections, requests, strict=True):
            connection.send(sent)
        for connection, (_, expected) in zip(connections, requests, strict=True):
            response = connection.response()
            assert (response.status, response.body) == (200, expected)


def test_requests_of_both_threads_reach_every_slot(lab, folder):
    two = lab({"concurrency": {"processes": 2, "threads": 3}})
    connections = connect_to_both(two, folder, 12)
    slots = {}  # by number of the request
    pairs = set()

    def all_pairs_seen():
        for connection in connections:
            connection.send(request_bytes("GET", f"/worker?number={len(slots)}"))
            slots[len(slots)] = None
        for number, connection in zip(range(len(slots) - len(connections), len(slots)), connections, strict=True):
            answer = json.loads(connection.response().body)
            slots[number] = (answer["pid"], answer["thread"])
        pairs.update((thread, slots[number]) for number, thread in balancer_threads(folder).items() if number < PROBE)
        return len(pairs) == 2 * 6

    two.wait_until(all_pairs_seen, 20, "a request from each thread to each slot")


def test_kill_9_of_workers_under_load_loses_no_request_that_no_worker_had_claimed(lab, folder):
    two = lab({"concurrency": {"processes": 3}}, ACCESS_FORMAT)
    two.expect_log(*(died(f"worker seat={seat}") for seat in range(3)), *REQUESTS_LOST)
    two.allow_log("worker died with requests")
    kills = 9

    with Load(two.address, "/work?number={number}&ms=3", clients=24) as load:
        for number in range(kills):
            enough = load.answered() + 50
            two.wait_until(lambda enough=enough: load.answered() >= enough, 20, "answers")
            victim = two.workers()[number % 3]
            two.kill(victim)
            two.wait_replaced(victim)

    account = settle(load, Ledger(two.folder / "ledger"), folder / "access.log")
    assert not account.hung
    assert not account.lost_unclaimed
    assert not account.ran_twice
    assert len(account.lost_claimed) + len(account.lost_at_claim) <= kills
    assert account.answered > kills * 50


def test_kill_9_of_the_balancer_under_load_costs_connections_and_nothing_else(lab):
    two = lab({"concurrency": {"processes": 2, "threads": 2}})
    two.expect_log(died("balancer"))
    before = [worker.pid for worker in two.workers()]

    with Load(two.address, "/work?number={number}&ms=3", clients=24) as load:
        for _ in range(3):
            enough = load.answered() + 100
            two.wait_until(lambda enough=enough: load.answered() >= enough, 20, "answers")
            two.kill(two.balancer())
        enough = load.answered() + 100
        two.wait_until(lambda: load.answered() >= enough, 20, "answers of the last balancer")

    account = settle(load, Ledger(two.folder / "ledger"))
    assert not account.hung
    assert not account.ran_twice
    assert [worker.pid for worker in two.workers()] == before


def test_a_stop_under_load_answers_every_request_that_was_begun(lab):
    two = lab({"concurrency": {"processes": 2, "threads": 2}})

    with Load(two.address, "/work?number={number}&ms=10", clients=40) as load:
        two.wait_until(lambda: load.answered() > 200, 20, "load")
        two.send_signal(signal.SIGTERM)
        assert two.wait_exit(20) == 0

    account = settle(load, Ledger(two.folder / "ledger"))
    assert not account.lost_claimed
    assert not account.hung


def test_a_worker_that_leaves_under_load_costs_no_request(lab):
    two = lab({"concurrency": {"processes": 2}, "recycle": {"max_requests": 40}})

    with Load(two.address, "/work?number={number}&ms=1", clients=24) as load:
        two.wait_until(lambda: load.answered() > 600, 30, "requests for many workers")

    account = settle(load, Ledger(two.folder / "ledger"))
    assert account.answered == account.total
    assert not account.ran_twice


def test_the_limits_of_the_queue_are_those_of_both_threads_together(lab, folder):
    waiting = 10
    two = lab({"queue": {"max_length": waiting, "timeout": 1}})
    two.expect_log("request failed status=503")
    two.allow_log("requests failed too often to log")
    connections = connect_to_both(two, folder, 20)
    known = len(balancer_threads(folder))
    running = two.connect()
    running.send(request_bytes("GET", "/gate?name=hold"))
    two.reached("hold")

    for number, connection in enumerate(connections):
        connection.send(request_bytes("GET", f"/worker?number={number}"))
    refusals = len(connections) - waiting
    two.wait_until(lambda: len(balancer_threads(folder)) >= known + refusals, 10, f"{refusals} requests to be refused")
    refused = {number: thread for number, thread in balancer_threads(folder).items() if number < PROBE}
    responses = [connection.response() for connection in connections]

    assert [response.status for response in responses] == [503] * len(connections)
    assert all(int(response.header("Retry-After")) >= 1 for response in responses)
    assert len(refused) == refusals
    assert len(set(refused.values())) == 2
    two.release("hold")
    assert running.response().status == 200
    answers = [connection.request("GET", "/worker").status for connection in connections[:waiting]]
    assert answers == [200] * waiting


@pytest.mark.parametrize("stream_body", [False, True], ids=["spooled", "streamed"])
def test_uploads_and_streams_arrive_whole_on_both_threads(lab, folder, stream_body):
    two = lab({"concurrency": {"processes": 2, "threads": 4}, "http": {"threads": 2, "stream_body": stream_body}})
    connections = connect_to_both(two, folder, 12)

    def exchange(index, connection):
        body = random.Random(index).randbytes(300_000)
        if index % 2:
            sent = request_bytes("POST", "/hash", body=body)
        else:
            pieces = [body[at : at + 7000] for at in range(0, len(body), 7000)]
            sent = request_bytes("POST", "/hash", [("Transfer-Encoding", "chunked")]) + chunked(pieces)
        connection.send(sent)
        hashed = connection.response().text == f"{len(body)} {hashlib.sha256(body).hexdigest()}"
        streamed = connection.request("GET", "/stream?n=40&size=65536").body == BLOCK * 40
        return hashed, streamed

    assert on_all(connections, exchange) == [(True, True)] * len(connections)


def test_clients_that_leave_under_load_leave_nothing_behind(lab):
    two = lab({"concurrency": {"processes": 2, "threads": 2}})
    two.allow_log("request failed status=499")
    assert two.get("/").status == 200
    before = two.resources()

    with Load(two.address, "/work?number={number}&ms=2", clients=8) as load:
        for number in range(200):
            with two.connect() as leaving:
                leaving.send(request_bytes("GET", f"/stream?n=100&size=65536&leaving={number}"))
                if number % 2:
                    leaving.head()
        two.wait_until(lambda: load.answered() > 200, 20, "answers")

    account = settle(load, Ledger(two.folder / "ledger"))
    assert account.answered == account.total
    two.wait_resources(before)


def test_the_balancer_has_as_many_threads_as_configured(server):
    def threads(count):
        one = server("lab", {"http": {"threads": count}}).start()
        (started,) = one.log_messages("^fettle .* starts ")
        assert f" http_threads={count} " in started
        with contextlib.closing(one.connect()) as connection:
            assert connection.request("GET", "/").status == 200
        return len(list(Path(f"/proc/{one.balancer().pid}/task").iterdir()))

    assert threads(3) == threads(1) + 2

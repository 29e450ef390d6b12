"""Workers that forge what they write for the balancer and the supervisor: they are found out, named, counted, killed
and replaced, and nobody else notices."""

import json
from collections import Counter

import pytest
from apps import rogue
from devtools.http import ConnectionEnded
from devtools.load import Load

REASONS = {
    "random_bytes": "",  # depends on the bytes
    "forward": "a cursor of its rings is out of range",
    "back": "a cursor of its rings is out of range",
    "replay": "it answered a request that it does not have",
    "foreign_request": "it answered a request that it does not have",
    "oversize": "a response descriptor makes no sense",
    "flood": "it sent more of a response than it was allowed",
    "header_injection": "a response head holds what its own checks never let pass",
    "damaged_record": "the sizes in a response record do not fit it",
    "punch": "a cursor of its rings is out of range",
}


def test_every_forgery_costs_its_own_worker_and_nobody_else(server):
    site = server("rogue", {"concurrency": {"processes": 3}, "restart": {"base_delay": 0.01}}).start()
    site.allow_log("worker died seat=.*SIGKILL.*, sent by fettle'", "worker died with requests")
    site.allow_log("request failed", "degraded")
    balancer = site.balancer().pid
    assert set(REASONS) == set(rogue.ATTACKS)

    with Load(site.address, "/", clients=6) as load:
        for count, (name, reason) in enumerate(REASONS.items(), start=1):
            site.wait_until(lambda: len(site.ready_workers()) == 3, 20, "all seats")
            site.wait_until(lambda enough=load.answered() + 20: load.answered() >= enough, 20, "answers")

            assert attack(site, name) == ([] if name == "flood" else [502])  # the flood's head had gone out

            site.expect_log(rf"supervisor error: worker_protocol_violation seat=\d .*reason='{reason}")
            site.wait_log("worker_protocol_violation", count=count)
        site.wait_until(lambda: len(site.ready_workers()) == 3, 20, "all seats")

    lost = Counter(outcome.result for outcome in load.outcomes)
    assert set(lost) == {"200"}, lost
    assert site.balancer().pid == balancer
    violations = site.log_messages("worker_protocol_violation")
    assert len(violations) == len(REASONS)


def attack(site, name):
    """The statuses of the answers to one attack; a response cut off counts as none."""
    connection = site.connect()
    connection.send(f"GET /attack/{name} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    try:
        return [connection.response().status]
    except ConnectionEnded:
        return []


def test_a_worker_can_change_the_size_of_no_memory_file_and_write_no_request(server):
    site = server("rogue").start()

    tried = json.loads(site.get("/resize").body)

    files = {name.split("-")[1]: outcomes for name, outcomes in tried.items()}
    assert set(files) == {"req", "rsp"}
    for outcomes in files.values():
        assert outcomes["shrink"] == outcomes["grow"] == "Operation not permitted"
    assert files["req"]["write"] == "Operation not permitted"
    assert site.get("/").status == 200


@pytest.mark.parametrize(("path", "what"), [("/garbage", "an unknown message"), ("/descriptors", "descriptors, which")])
def test_a_worker_that_sends_the_supervisor_nonsense_is_killed(server, path, what):
    site = server("rogue", {"concurrency": {"processes": 2}}).start()
    site.expect_log(f"broke the protocol: {what}", "is ended by force")
    site.allow_log("worker died", "request failed")
    supervisor, balancer = site.pid, site.balancer().pid

    assert site.get(path).status == 502

    site.wait_until(lambda: len(site.ready_workers()) == 2, 20, "all seats")
    assert (site.pid, site.balancer().pid) == (supervisor, balancer)

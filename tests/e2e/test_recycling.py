"""Workers are replaced by number of requests and by age, without anybody noticing."""

import json
import re


def pids_of(lab, requests):
    pids = []
    with lab.connect() as connection:
        for _ in range(requests):
            response = connection.request("GET", "/worker")
            assert response.status == 200
            pids.append(json.loads(response.body)["pid"])
    return pids


def test_max_requests_replaces_a_worker_and_loses_nothing(server):
    lab = server("lab", {"recycle": {"max_requests": 50}}).start()
    before = lab.resources()

    pids = pids_of(lab, 500)

    lives = {pid: pids.count(pid) for pid in pids}
    assert len(lives) >= 3
    # The request that spends the quota may be recalled before it is begun, and run by the next worker.
    assert all(count >= 49 for count in list(lives.values())[:-1])
    lab.wait_until(lambda: len(lab.ready_workers()) == len(lab.workers()) == 1, 10, "one worker")
    lab.wait_resources(before)


def test_jitter_spreads_the_replacements(server):
    lab = server(
        "lab", {"concurrency": {"processes": 4}, "recycle": {"max_requests": 40, "max_requests_jitter": 20}}
    ).start()

    pids = pids_of(lab, 600)

    assert len(set(pids)) > 4
    quotas = {re.search(r"requests=(\d+)", message).group(1) for message in lab.log_messages("^worker drains")}
    assert len(quotas) > 1, "every worker was replaced after the same number of requests"


def test_max_lifetime_replaces_an_idle_worker(server):
    lab = server("lab", {"recycle": {"max_lifetime": 0.5}}).start()
    lab.wait_replaced(lab.workers()[0], timeout=20)

    assert lab.get("/").status == 200

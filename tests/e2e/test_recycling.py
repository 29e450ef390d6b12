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


def test_jitter_gives_every_worker_a_quota_of_its_own(server):
    lab = server("lab", {"recycle": {"max_requests": 40, "max_requests_jitter": 20}}).start()

    def lives():
        pids_of(lab, 20)
        messages = lab.log_messages("^worker left seat=0 .*restarting now")
        return len(messages) >= 6 and [int(re.search(r"requests=(\d+)", message).group(1)) for message in messages]

    served = lab.wait_until(lives, 30, "six workers to be replaced")
    assert min(served) >= 19
    assert len(set(served)) > 1


def test_max_lifetime_replaces_an_idle_worker(server):
    lab = server("lab", {"recycle": {"max_lifetime": 0.5}}).start()
    lab.wait_replaced(lab.workers()[0], timeout=20)

    assert lab.get("/").status == 200

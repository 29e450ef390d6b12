"""Applications that do to their own process what no server expects."""

import json
import os
import signal

from devtools import processes
from harness import died


def test_closing_all_descriptors_costs_the_worker_and_nobody_else(server):
    lab = server("lab").start()
    before = lab.workers()[0].pid
    lab.allow_log("seat=0", "request failed")

    answer = lab.get("/close-descriptors")

    assert answer.status in (200, 502)
    lab.wait_until(lambda: json.loads(lab.get("/worker").body)["pid"] != before, 20, "another worker")


def test_a_forked_child_that_stays_does_not_keep_its_worker_from_being_replaced(server):
    lab = server("lab").start()
    child = int(lab.get("/fork-child").body)
    victim = lab.workers()[0]
    lab.expect_log(died("worker seat=0"))

    lab.kill(victim)
    lab.wait_replaced(victim)

    assert lab.get("/").status == 200
    os.kill(child, signal.SIGKILL)
    lab.wait_until(lambda: processes.read(child) is None, 5, "the supervisor to reap it")


def test_a_forked_child_that_stays_does_not_hold_up_a_stop(server):
    lab = server("lab").start()
    child = int(lab.get("/fork-child").body)
    lab.expect_log("processes that the application started outlive it")

    assert lab.stop(timeout=20) == 0

    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)  # an orphan of the server: it came to us

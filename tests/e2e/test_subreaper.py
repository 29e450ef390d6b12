"""Orphans of the application are adopted and reaped; the supervisor can be PID 1."""

import os
import shutil
import signal
import subprocess

import pytest
from devtools import processes
from devtools.waiting import wait_until


def test_orphans_of_the_application_are_reaped(server):
    lab = server("lab").start()

    pid = int(lab.get("/orphan").body)
    assert processes.read(pid).parent == lab.pid
    os.kill(pid, signal.SIGKILL)

    wait_until(lambda: processes.read(pid) is None, 5, "the orphan to be reaped")
    assert lab.get("/").status == 200


def can_make_pid_namespace():
    probe = subprocess.run(["unshare", "--pid", "--fork", "--mount-proc", "true"], capture_output=True, check=False)
    return probe.returncode == 0


@pytest.mark.skipif(
    not shutil.which("unshare") or not can_make_pid_namespace(), reason="making a PID namespace is not permitted here"
)
def test_it_serves_and_reaps_as_pid_1(server):
    lab = server("lab", prefix=["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"])
    lab.launch()
    lab.wait_log("worker ready")

    assert lab.get("/").status == 200
    lab.get("/orphan")
    inside = next(p for p in processes.descendants(lab.pid) if p.role == "supervisor")
    os.kill(inside.pid, signal.SIGTERM)

    assert lab.wait_exit(20) == 0
    lab.expect_log(r"are asked to end \(SIGTERM\)")


@pytest.mark.skipif(
    not shutil.which("unshare") or not can_make_pid_namespace(), reason="making a PID namespace is not permitted here"
)
def test_as_pid_1_an_orphan_that_ignores_sigterm_does_not_hold_up_the_end(server):
    lab = server(
        "lab", {"timeouts": {"term": 0.5}}, prefix=["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"]
    )
    lab.launch()
    lab.wait_log("worker ready")
    lab.get("/orphan?stubborn=1")
    lab.expect_log(r"did not end within 0.5 s \(timeouts.term\)")

    inside = next(p for p in processes.descendants(lab.pid) if p.role == "supervisor")
    os.kill(inside.pid, signal.SIGTERM)

    assert lab.wait_exit(20) == 0

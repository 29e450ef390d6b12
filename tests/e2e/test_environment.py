"""What workers and the balancer inherit."""

import json

from devtools import processes


def test_workers_inherit_the_environment_without_what_is_meant_for_the_supervisor(server):
    private = {
        "NOTIFY_SOCKET": "/nonexistent/notify",
        "WATCHDOG_USEC": "1",
        "WATCHDOG_PID": "1",
        "LISTEN_FDS": "1",
        "LISTEN_PID": "1",
        "LISTEN_FDNAMES": "x",
    }
    lab = server("lab", env={**private, "MINE": "kept"}).start()

    seen = json.loads(lab.get("/process-environment").body)

    assert seen["MINE"] == "kept"
    assert not set(private) & set(seen)
    assert seen["PATH"]


def test_the_balancer_gets_nothing(server):
    lab = server("lab", env={"DATABASE_PASSWORD": "secret"}).start()

    assert processes.environment(lab.balancer().pid) == {}


def test_standard_input_is_not_shared_with_the_application(server):
    lab = server("lab").start()

    assert processes.descriptors(lab.workers()[0].pid)[0] == "/dev/null"


def test_the_balancer_is_confined_when_started_by_root(server):
    lab = server("lab").start()

    with open(f"/proc/{lab.balancer().pid}/status", encoding="ascii") as file:
        status = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)

    assert status["NoNewPrivs"] == "1"
    if __import__("os").geteuid() == 0:
        assert status["Uid"].split()[0] != "0"
        assert int(status["CapEff"], 16) == 0

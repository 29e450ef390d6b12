"""Ways to stop."""

import fcntl
import os
import pty
import signal
import subprocess
import termios
import time

import pytest
from devtools import processes
from devtools.http import ConnectionEnded, request_bytes
from devtools.load import Ledger, Load, settle
from devtools.server import BINARY
from devtools.waiting import wait_until


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_running_and_waiting_requests_are_finished_before_it_ends(server, number):
    lab = server("lab", {"timeouts": {"graceful": 20}}).start()

    with lab.connect() as idle, lab.connect() as running, lab.connect() as waiting:
        assert idle.request("GET", "/").status == 200
        running.send(request_bytes("GET", "/gate?name=hold"))
        lab.reached("hold")
        waiting.send(request_bytes("GET", "/gate?name=hold2"))
        lab.send_signal(number)
        with pytest.raises(ConnectionEnded):
            idle.response()  # the stop has reached the balancer
        lab.release("hold")
        lab.release("hold2")
        for connection in (running, waiting):
            response = connection.response()
            assert response.status == 200
            assert response.header("Connection") == "close"
    assert lab.wait_exit(20) == 0


def test_a_connection_waiting_to_be_accepted_is_served(server):
    """What the kernel had accepted for us before TERM is not reset."""
    lab = server("lab", {"concurrency": {"processes": 2}}).start()
    connections = [lab.connect() for _ in range(50)]

    for connection in connections:
        connection.send(request_bytes("GET", "/"))
    lab.send_signal(signal.SIGTERM)

    assert [connection.response().status for connection in connections] == [200] * 50
    assert lab.wait_exit(20) == 0


def test_under_load_every_request_that_was_begun_is_answered(server):
    lab = server("lab", {"concurrency": {"processes": 2, "threads": 2}}).start()

    with Load(lab.address, "/work?number={number}&ms=20", clients=8) as load:
        lab.wait_until(lambda: load.answered() > 100, 20, "load")
        lab.send_signal(signal.SIGTERM)
        assert lab.wait_exit(20) == 0

    account = settle(load, Ledger(lab.folder / "ledger"))
    assert not account.lost_claimed
    assert not account.hung


def test_idle_connections_do_not_hold_up_a_stop(server):
    lab = server("lab").start()
    idle = lab.connect()
    assert idle.request("GET", "/").status == 200
    started = time.monotonic()

    lab.send_signal(signal.SIGTERM)

    assert idle.ended()
    assert lab.wait_exit(20) == 0
    assert time.monotonic() - started < 5


def test_graceful_time_is_a_limit(server):
    lab = server("lab", {"timeouts": {"graceful": 0.5, "term": 0.5}}).start()
    lab.allow_log("graceful|killed|request|seat|worker")
    lab.expect_log("Fatal Python error: Aborted")
    connection = lab.connect()
    connection.send(request_bytes("GET", "/gate?name=never"))
    lab.reached("never")
    started = time.monotonic()

    lab.send_signal(signal.SIGTERM)

    assert lab.wait_exit(20) == 0
    assert 0.4 < time.monotonic() - started < 8
    with pytest.raises((ConnectionEnded, AssertionError)):
        assert connection.response().status == 200


@pytest.mark.parametrize(
    "signals", [[signal.SIGQUIT], [signal.SIGTERM, signal.SIGTERM], [signal.SIGINT, signal.SIGINT]]
)
def test_a_quick_stop_does_not_wait_for_requests(server, signals):
    lab = server("lab", {"timeouts": {"graceful": 60}}).start()
    lab.allow_log("killed|request|seat|worker|stop")
    connection = lab.connect()
    connection.send(request_bytes("GET", "/gate?name=never"))
    lab.reached("never")
    started = time.monotonic()

    for index, number in enumerate(signals):
        lab.send_signal(number)
        lab.wait_log("stop", count=index + 1)  # so that the second is a second one

    assert lab.wait_exit(20) == 0
    assert time.monotonic() - started < 15
    connection.close()


def test_ctrl_c_on_a_terminal_stops_it(server, folder):
    """The terminal sends SIGINT to the whole foreground group: workers get it, too, and must leave the stop to the
    supervisor."""
    lab = server("lab")
    master, slave = pty.openpty()

    def take_terminal():
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    with open(lab.log_file, "ab") as log:
        lab.process = subprocess.Popen(
            [BINARY, *lab.arguments],
            cwd=lab.cwd,
            env=lab.env,
            stdin=slave,
            stdout=log,
            stderr=log,
            start_new_session=True,
            preexec_fn=take_terminal,
        )
    os.close(slave)
    lab.wait_ready(1)

    with lab.connect() as connection:
        connection.send(request_bytes("GET", "/gate?name=hold"))
        lab.reached("hold")
        os.write(master, b"\x03")
        lab.wait_log("stop")
        lab.release("hold")
        assert connection.response().status == 200

    assert lab.wait_exit(20) == 0
    os.close(master)


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2])
def test_a_signal_without_a_meaning_is_named_and_ignored(server, number):
    lab = server("lab").start()

    lab.send_signal(number)

    lab.wait_log(f"{number.name} was received and is ignored")
    assert lab.get("/").status == 200


def test_a_supervisor_killed_by_9_takes_everybody_with_it(server):
    """Nothing can be cleaned up by a dead process, but nothing may run on either."""
    lab = server("lab", {"concurrency": {"processes": 2}, "timeouts": {"graceful": 2}}).start()
    lab.expected_exit = -9
    lab.allow_log("supervisor")
    everybody = [lab.balancer(), lab.zygote(), *lab.workers()]

    lab.send_signal(signal.SIGKILL)

    lab.wait_exit(5)
    wait_until(lambda: not any(is_running(process) for process in everybody), 10, "the others to leave")


def is_running(process):
    now = processes.read(process.pid)
    return now is not None and now.started == process.started and not now.zombie

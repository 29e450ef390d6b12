"""Workers that die, under load and alone."""

import json
import signal

import pytest
from devtools.http import request_bytes
from devtools.load import Ledger, Load, settle


def restarts(lab, seat):
    return len(lab.log_messages(rf"^worker ready .*\bseat={seat}\b"))


@pytest.mark.slow
def test_kill_9_under_load_loses_no_request_that_no_application_saw(server):
    lab = server("lab", {"concurrency": {"processes": 4}}).start()
    lab.allow_log("killed|SIGKILL|signal 9|signal=9|status=502|worker")
    ledger = Ledger(lab.folder / "ledger")
    with Load(lab.address, "/work?number={number}&ms=5", clients=12) as load:
        lab.wait_until(lambda: load.answered() > 50, 20, "load")
        before = lab.resources()
        for round_number in range(20):
            victim = lab.workers()[round_number % 4]
            lab.kill(victim)
            ready = restarts(lab, victim.number)
            answered = load.answered()
            lab.wait_until(
                lambda: restarts(lab, victim.number) > ready or lab.ready_workers() == 4,
                10,
                f"seat {victim.number} to be back",
            )  # noqa: B023
            lab.wait_until(lambda: load.answered() > answered + 20, 10, "answers after the kill")  # noqa: B023
        lab.wait_until(lambda: lab.ready_workers() == 4, 10, "all seats")

    account = settle(load, ledger)

    assert not account.hung
    assert not account.lost_unclaimed
    assert not account.ran_twice
    assert len(account.lost_claimed) <= 20
    assert account.answered > 400
    same_resources(lab, before)


def same_resources(lab, before):
    """Descriptors and memory files are back to what they were, process by process."""
    lab.wait_until(
        lambda: lab.resources() == before,
        5,
        f"the descriptors and memory files of before, {before}, now {lab.resources()}",
    )


def test_a_killed_worker_costs_its_running_request_a_502_and_the_seat_is_back_at_once(server):
    lab = server("lab").start()
    lab.expect_log("seat=0.*(signal|SIGKILL)")
    lab.allow_log("status=502")
    before = lab.workers()[0]

    with lab.connect() as running, lab.connect() as waiting:
        running.send(request_bytes("GET", "/gate?name=hold"))
        lab.reached("hold")
        waiting.send(request_bytes("GET", "/worker"))
        lab.kill(before)
        assert running.response().status == 502
        pid = json.loads(waiting.response().body)["pid"]

    assert pid != before.pid
    assert [worker.pid for worker in lab.workers()] == [pid]


def test_a_response_that_had_begun_is_cut_not_completed(server):
    lab = server("lab").start()
    lab.expect_log("seat=0.*(signal|SIGKILL)")
    lab.allow_log("request")

    with lab.connect() as connection:
        connection.send(request_bytes("GET", "/gated-stream?names=hold"))
        connection.head()
        assert connection.chunk() == b"hold"
        lab.kill(lab.workers()[0])
        with pytest.raises((ConnectionError, Exception)):
            connection.chunk()
    assert lab.get("/").status == 200


@pytest.mark.parametrize(
    ("target", "cause"),
    [("/segv", r"SIGSEGV|signal[= ]11"), ("/exit?code=7", r"(exit|code)[= ]+7")],
)
def test_an_application_that_takes_its_process_down_is_named_and_replaced(server, target, cause):
    lab = server("lab").start()
    lab.expect_log(cause)
    lab.allow_log("status=502", "Fatal Python error")
    before = lab.workers()[0].pid

    assert lab.get(target).status == 502
    assert json.loads(lab.get("/worker").body)["pid"] != before


def test_other_seats_do_not_notice(server):
    lab = server("lab", {"concurrency": {"processes": 3}}).start()
    lab.expect_log("seat=1.*(signal|SIGKILL)")
    before = {worker.number: worker.pid for worker in lab.workers()}

    lab.kill(lab.workers()[1])
    lab.wait_until(lambda: lab.ready_workers() == 3 and lab.workers()[1].pid != before[1], 10, "seat 1 to be back")

    after = {worker.number: worker.pid for worker in lab.workers()}
    assert (after[0], after[2]) == (before[0], before[2])


def test_a_worker_told_to_leave_by_sigterm_finishes_its_request_and_is_replaced(server):
    lab = server("lab").start()
    lab.allow_log("seat=0")
    before = lab.workers()[0]

    with lab.connect() as connection:
        connection.send(request_bytes("GET", "/gate?name=hold"))
        lab.reached("hold")
        lab.kill(before, signal.SIGTERM)
        lab.release("hold")
        assert connection.response().status == 200

    lab.wait_until(
        lambda: [w.pid for w in lab.workers() if w.pid != before.pid] and lab.ready_workers() == 1, 10, "a replacement"
    )
    assert lab.get("/").status == 200

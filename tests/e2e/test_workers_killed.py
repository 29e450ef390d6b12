"""Workers that die, under load and alone."""

import json
import signal

import pytest
from devtools.http import ConnectionEnded, request_bytes
from devtools.load import ACCESS_FORMAT, Ledger, Load, settle
from harness import REQUESTS_LOST, died

KILLS = 20


@pytest.mark.slow
def test_kill_9_under_load_loses_no_request_that_no_worker_had_claimed(server, folder):
    access = {"access": folder / "access.log", "access_format": ACCESS_FORMAT}
    lab = server("lab", {"concurrency": {"processes": 4}, "log": access}).start()
    lab.expect_log(*(died(f"worker seat={seat}") for seat in range(4)), *REQUESTS_LOST)
    lab.allow_log("worker died with requests")
    assert lab.get("/").status == 200
    before = lab.resources()

    with Load(lab.address, "/work?number={number}&ms=5", clients=12) as load:
        for number in range(KILLS):
            wait_for_answers(lab, load)
            victim = lab.workers()[number % 4]
            lab.kill(victim)
            lab.wait_replaced(victim)
        wait_for_answers(lab, load)

    account = settle(load, Ledger(lab.folder / "ledger"), folder / "access.log")
    assert not account.hung
    assert not account.lost_unclaimed
    assert not account.ran_twice
    assert len(account.lost_claimed) + len(account.lost_at_claim) <= KILLS
    assert account.answered > KILLS * 20
    lab.wait_resources(before)


def wait_for_answers(lab, load):
    """Until twenty more requests are answered."""
    enough = load.answered() + 20
    lab.wait_until(lambda: load.answered() >= enough, 20, "answers")


def test_a_killed_worker_costs_its_running_request_a_502_and_the_seat_is_back_at_once(server):
    lab = server("lab").start()
    lab.expect_log(died("worker seat=0"), *REQUESTS_LOST)
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
    lab.expect_log(died("worker seat=0"), "worker died with requests", "request failed status=200")

    with lab.connect() as connection:
        connection.send(request_bytes("GET", "/gated-stream?names=hold"))
        connection.head()
        assert connection.chunk() == b"hold"
        lab.kill(lab.workers()[0])
        with pytest.raises(ConnectionEnded):
            connection.chunk()
    assert lab.get("/").status == 200


@pytest.mark.parametrize(
    ("target", "cause"),
    [("/segv", "signal 11 (SIGSEGV)"), ("/exit?code=7", "exit code 7"), ("/exit?code=0", "exit code 0")],
)
def test_an_application_that_takes_its_process_down_is_named_and_replaced(server, target, cause):
    lab = server("lab").start()
    lab.expect_log(died("worker seat=0", cause), *REQUESTS_LOST)
    if "SIGSEGV" in cause:
        lab.expect_log("Fatal Python error: Segmentation fault")
    before = lab.workers()[0].pid

    assert lab.get(target).status == 502
    assert json.loads(lab.get("/worker").body)["pid"] != before


def test_pythons_fault_handler_shows_where_native_code_crashed(server):
    lab = server("lab").start()
    lab.expect_log("Fatal Python error: Segmentation fault", *REQUESTS_LOST)
    lab.expect_log(died("worker seat=0", "signal 11 (SIGSEGV)"))

    assert lab.get("/segv").status == 502

    lab.wait_log("lab.py.* in segmentation_fault")


def test_other_seats_do_not_notice(server):
    lab = server("lab", {"concurrency": {"processes": 3}}).start()
    lab.expect_log(died("worker seat=1"))
    before = {worker.number: worker.pid for worker in lab.workers()}
    victim = lab.workers()[1]

    lab.kill(victim)
    lab.wait_replaced(victim)

    after = {worker.number: worker.pid for worker in lab.workers()}
    assert (after[0], after[2]) == (before[0], before[2])


def test_a_worker_told_to_leave_by_sigterm_finishes_its_request_and_is_replaced(server):
    lab = server("lab").start()
    before = lab.workers()[0]

    with lab.connect() as connection:
        connection.send(request_bytes("GET", "/gate?name=hold"))
        lab.reached("hold")
        lab.kill(before, signal.SIGTERM)
        lab.release("hold")
        assert connection.response().status == 200

    lab.wait_replaced(before)
    assert lab.get("/").status == 200

"""The zygote dies: workers live on, and the next one that is needed comes from a new zygote."""

import json

from harness import died


def test_nobody_notices_and_later_workers_come_from_a_new_zygote(server):
    lab = server("lab", {"concurrency": {"processes": 2}}).start()
    lab.expect_log(died("zygote"))
    lab.expect_log(died("worker seat=0"))
    workers = [worker.pid for worker in lab.workers()]
    zygote = lab.zygote()

    lab.kill(zygote)
    assert json.loads(lab.get("/worker").body)["pid"] in workers
    victim = lab.workers()[0]
    lab.kill(victim)
    lab.wait_replaced(victim, timeout=20)

    assert lab.workers()[1].pid == workers[1]
    assert lab.zygote().pid != zygote.pid


def test_zygote_and_worker_may_die_together(server):
    lab = server("lab").start()
    lab.expect_log(died("zygote"), died("worker seat=0"))
    lab.allow_log("worker died with requests .*requeued=1 lost=0")  # if the request came before the death was known

    before = lab.workers()[0]
    lab.kill(lab.zygote())
    lab.kill(before)

    assert json.loads(lab.get("/worker").body)["pid"] != before.pid

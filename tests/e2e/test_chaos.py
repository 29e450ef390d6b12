"""Everything dies at random, under load; afterwards all is as before."""

import random

import pytest
from devtools.load import Ledger, Load, settle

ROUNDS = 25


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_any_process_may_be_killed_at_any_moment(server, seed):
    lab = server("lab", {"concurrency": {"processes": 3, "threads": 2}, "restart": {"max_delay": 0.5}}).start()
    lab.allow_log("(worker|balancer|zygote) died", "request failed", "worker died with requests", "degraded")
    assert lab.get("/").status == 200
    before = lab.resources()
    chance = random.Random(seed)

    with Load(lab.address, "/work?number={number}&ms=3", clients=10) as load:
        for _ in range(ROUNDS):
            role = chance.choice(["worker", "worker", "balancer", "zygote"])
            victims = lab.by_role(role)
            if victims:
                lab.kill(chance.choice(victims))
            enough = load.answered() + chance.randrange(30)
            lab.wait_until(lambda: load.answered() >= enough, 20, "answers")  # noqa: B023
        lab.wait_until(lambda: len(lab.ready_workers()) == 3, 20, "all seats")

    account = settle(load, Ledger(lab.folder / "ledger"))
    assert not account.hung
    assert not account.ran_twice
    assert lab.get("/").status == 200
    lab.wait_until(lambda: lab.zygote() is not None, 10, "a zygote")
    lab.wait_resources(before)

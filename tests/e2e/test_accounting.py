"""What scripts/devtools/load.py makes of a load's traces: a lost request must not pass for one that was claimed."""

from types import SimpleNamespace

import pytest
from devtools.load import Ledger, Outcome, settle

CASES = {
    # name: (ledger, access log, outcome of request 1, the field of the account it must be in)
    "answered": ("start 1 50 1.0\nend 1 50 1.1\n", "number=1 <50> 200\n", "200", "answered"),
    "its worker died inside it": ("start 1 50 1.0\n", "number=1 <50> 502\n", "502", "lost_claimed"),
    "its worker died before the first line": ("", "number=1 <50> 502\n", "502", "lost_at_claim"),
    "its worker was inside another one": ("start 2 50 1.0\n", "number=1 <50> 502\n", "502", "lost_unclaimed"),
    "its worker took two along": ("", "number=1 <50> 502\nnumber=2 <50> 502\n", "502", "lost_unclaimed"),
    "no worker had it": ("", "number=1 - 502\n", "502", "lost_unclaimed"),
    "its connection ended": ("", "number=1 <50> 499\n", "closed", "lost_unclaimed"),
    "no end": ("start 1 50 1.0\n", "", "timeout", "hung"),
}


@pytest.mark.parametrize("name", CASES)
def test_each_end_of_a_request_is_told_from_the_others(folder, name):
    ledger, access, result, field = CASES[name]
    (folder / "ledger").write_text(ledger)
    (folder / "access.log").write_text(access)
    load = SimpleNamespace(outcomes=[Outcome(number=1, sent=0.9, ended=1.2, result=result)])

    account = settle(load, Ledger(folder / "ledger"), folder / "access.log", patience=0)

    fields = ("hung", "lost_claimed", "lost_at_claim", "lost_unclaimed")
    found = [field for field in fields if getattr(account, field)] + (["answered"] if account.answered else [])
    assert found == [field]
    assert not account.ran_twice


def test_a_request_that_two_workers_saw_is_noticed(folder):
    (folder / "ledger").write_text("start 1 50 1.0\nstart 1 51 1.1\nend 1 51 1.2\n")
    load = SimpleNamespace(outcomes=[Outcome(number=1, sent=0.9, ended=1.2, result="200")])

    assert settle(load, Ledger(folder / "ledger")).ran_twice == [1]

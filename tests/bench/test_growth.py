"""Rows that show growth."""

import pytest

from support import growth


def figures(cpu_us, pss_kb=1000.0, errors=""):
    return {"cpu_us": cpu_us, "pss_kb": pss_kb, "errors": errors}


def test_rounds_become_one_row_with_medians_and_spread():
    runs = {(("idle", 100),): [figures(9.0), figures(10.0, errors="1 timeouts"), figures(12.0)]}
    assert growth.medians(runs) == [
        {"idle": 100, "cpu_us": 10.0, "pss_kb": 1000.0, "spread": pytest.approx(0.3), "errors": "1 timeouts"}
    ]


def test_ratios_are_to_the_row_that_is_named():
    rows = [{"connections": 1, **figures(30.0)}, {"connections": 16, **figures(10.0)}]
    rows += [{"connections": 64, **figures(9.0, 1100.0)}, {"connections": 256, **figures(12.0)}]
    growth.compared(rows, "connections", 16)
    assert [row["cpu_ratio"] for row in rows] == [3.0, 1.0, 0.9, 1.2]
    assert growth.deviations(rows, "connections", 16, "cpu_ratio") == (pytest.approx(-0.1), pytest.approx(0.2))
    assert growth.deviations(rows, "connections", 16, "memory_ratio") == (0.0, pytest.approx(0.1))


def test_what_one_more_costs_is_seen_along_one_axis_only():
    shapes = [(1, 1, 1000), (1, 8, 1700), (8, 1, 8000), (4, 1, 4000)]
    rows = [{"processes": p, "threads": t, "pss_kb": kb} for p, t, kb in shapes]
    assert growth.slope(rows, "processes", "threads") == 1000
    assert growth.slope(rows, "threads", "processes") == 100


def test_pools_are_compared_with_gunicorn_of_the_same_application():
    rows = [
        {"application": application, "server": server, "workers": 4, "pss_kb": kb}
        for application, server, kb in [("hello", "fettle", 20), ("hello", "gunicorn", 40), ("shop", "gunicorn", 80)]
    ]
    pools = growth.by_pool(rows, "pss_kb")
    assert pools["hello", "fettle"] == {4: 20}
    assert growth.beside_gunicorn(pools, "hello", "fettle") == 0.5


def test_slabs_are_read_in_bytes():
    assert growth.slab_bytes("Cached:   1 kB\nSlab:              73164 kB\nSReclaimable:  4 kB\n") == 73164 * 1024

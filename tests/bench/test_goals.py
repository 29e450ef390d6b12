"""Figures become verdicts."""

import pytest
from figures import paced, run
from support import goals, latency, page, summary, table


def hello(fettle, name="fettle", **peers):
    return summary.rows({("hello/64", server): runs for server, runs in {name: fettle, **peers}.items()})


def verdict(rows, words, latencies=(), memory=()):
    [found] = [each for each in goals.verdicts(rows, latencies, memory) if words in each.goal]
    return found


def test_a_ratio_of_rates_is_judged():
    assert verdict(hello([run(800.0)], gunicorn=[run(100.0)]), "to gunicorn").reached
    assert not verdict(hello([run(799.0)], gunicorn=[run(100.0)]), "to gunicorn").reached


def test_cpu_decides_where_wrk_was_the_limit():
    found = verdict(hello([run(100.0, cpu_us=5.0, busy=0.99)], uwsgi=[run(100.0, cpu_us=10.0)]), "to uwsgi")
    assert (found.figure, found.reached) == (2.0, True)
    assert "by CPU" in found.goal


def test_granian_is_judged_by_the_worst_round():
    rows = hello([run(100.0), run(90.0), run(120.0)], granian=[run(100.0)] * 3)
    assert not verdict(rows, "lowest of all rounds").reached


def test_the_floor_is_judged_by_cpu():
    assert verdict(hello([run(1.0, cpu_us=5.6)], floor=[run(1.0, cpu_us=4.0)]), "floor").reached


def test_a_megabyte_is_judged_by_the_best_peer_and_the_floor_is_none():
    rows = summary.rows(
        {
            ("1m/64", "fettle"): [run(80.0)],
            ("1m/64", "uwsgi"): [run(100.0)],
            ("1m/64", "waitress"): [run(10.0)],
            ("1m/64", "floor"): [run(500.0)],
        }
    )
    required, aimed = goals.verdicts(rows, [], [])
    assert (required.figure, required.reached, aimed.reached) == (0.8, True, False)
    assert "uwsgi" in required.goal


def test_the_99th_percentile_is_judged_by_the_best_peer():
    rows = latency.rows(
        {"fettle": [paced(1.2)], "floor": [paced(0.1)], "uwsgi": [paced(1.0)], "gunicorn": [paced(9.0)]}, 10
    )
    found = verdict([], "p99", rows)
    assert (found.figure, found.reached) == (pytest.approx(1.2), False)


def test_memory_is_judged_by_gunicorn_without_preload():
    memory = [
        {"server": "fettle", "pss_bytes": 60},
        {"server": "gunicorn", "pss_bytes": 100},
        {"server": "gunicorn-preload", "pss_bytes": 50},
    ]
    assert verdict([], "PSS", memory=memory).reached


def test_every_build_is_judged():
    rows = hello([run(900.0)], "fettle:before", **{"fettle:after": [run(1000.0)], "gunicorn": [run(100.0)]})
    assert [(each.server, each.figure) for each in goals.verdicts(rows, [], [])] == [
        ("fettle:before", 9.0),
        ("fettle:after", 10.0),
    ]


def test_what_was_not_measured_has_no_verdict():
    assert goals.verdicts(hello([run(1.0)]), [], []) == []
    assert goals.verdicts([], [], []) == []


def test_the_result_can_be_shown_with_and_without_its_parts():
    rows = hello([run(1.0, timeouts=1)], **{"gunicorn": [run(1.0)], "<odd>": [run(2.0, busy=1.0)]})
    parts = {
        "rows": rows,
        "latency": latency.rows({"fettle": [paced(1.0)]}, 10),
        "pss": [{"server": "fettle", "pss_bytes": 1}],
    }
    about = {
        "rounds": 1,
        "seconds": 1,
        "kernel": "6",
        "cpus": 2,
        "versions": {"granian": "2"},
        "memory": [],
        "goals": [],
    }
    for result in ({**about, **parts}, {**about, "rows": [], "latency": [], "pss": []}):
        assert "<html" in page.report(result)
        assert "<odd>" not in page.report(result)
        table.report(result)
    assert "1 timeouts" in table.report({**about, **parts})

"""Runs become rows: medians, spreads, ratios, and which figure wrk set."""

import pytest
from figures import paced, run
from support import latency, summary


def only_row(*runs):
    [row] = summary.rows({("hello/64", "fettle"): list(runs)})
    return row


def test_the_median_counts_and_the_spread_is_told():
    row = only_row(run(100.0), run(130.0), run(110.0))
    assert row["per_second"] == 110.0
    assert row["spread"] == pytest.approx(30 / 110)


def test_errors_of_all_rounds_are_added_up_and_absent_ones_are_not_named():
    assert only_row(run(1.0, timeouts=2), run(1.0, timeouts=3))["errors"] == {"timeouts": 5}


def test_wrk_is_the_limit_where_it_was_busy_all_the_time():
    assert only_row(run(1.0, busy=0.96))["wrk_was_the_limit"]
    assert not only_row(run(1.0, busy=0.95))["wrk_was_the_limit"]


def test_a_server_that_answered_nothing_has_a_row():
    row = only_row(run(0.0))
    assert (row["per_second"], row["spread"]) == (0.0, 0.0)


def test_ratios_are_to_the_same_workload():
    rows = summary.rows(
        {
            ("hello/64", "fettle"): [run(800.0, cpu_us=6.0)],
            ("hello/64", "gunicorn"): [run(100.0)],
            ("hello/64", "floor"): [run(900.0, cpu_us=4.0)],
            ("1m/64", "fettle"): [run(50.0)],
            ("1m/64", "gunicorn"): [run(25.0)],
        }
    )
    assert [row["to_gunicorn"] for row in rows] == [8.0, 1.0, 9.0, 2.0, 1.0]
    assert rows[0]["cpu_to_floor"] == pytest.approx(1.5)
    assert rows[0]["to_granian"] is None


def test_the_lower_bound_is_the_worst_round():
    assert summary.lower_bound([100, 90, 120], [100, 100, 100]) == pytest.approx(0.9)


def test_the_common_rate_is_a_round_share_of_the_slowest():
    rows = summary.rows(
        {("hello/64", "a"): [run(5123.0)], ("hello/64", "b"): [run(90000.0)], ("1m/64", "a"): [run(9.0)]}
    )
    assert latency.common_rate(rows, "hello/64") == 3500
    assert latency.common_rate([{**rows[0], "per_second": 100.0}], "hello/64") == 70


def test_percentiles_are_medians_and_the_maximum_is_that_of_all():
    [row] = latency.rows({"fettle": [paced(1.0, 9.0), paced(4.0, 5.0, failed=1), paced(2.0, 7.0)]}, 1000)
    assert (row["p99_ms"], row["max_ms"], row["failed"], row["rate"]) == (2.0, 9.0, 1, 1000)

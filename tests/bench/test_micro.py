"""bench/micro: from its programs' reports to what it prints."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))

from devtools import micro


def report(**times):
    """A Google Benchmark report; names with __ for /, times in ns."""
    runs = []
    for name, values in times.items():
        name = name.replace("__", "/")
        for value in values:
            runs.append({"run_name": name, "run_type": "iteration", "cpu_time": value, "real_time": value * 100})
        runs.append({"run_name": name, "run_type": "aggregate", "cpu_time": 1e9, "real_time": 1e9})
    return {"benchmarks": runs}


def row(name, ns, fastest, slowest):
    return {"name": name, "ns": ns, "spread": 0.1, "fastest": fastest, "slowest": slowest}


def test_a_row_is_the_median_of_its_repetitions_and_their_distance():
    assert micro.rows_of(report(ring__push=[30, 20, 25])) == [
        {"name": "ring/push", "ns": 25, "spread": 0.4, "fastest": 20, "slowest": 30}
    ]


def test_what_is_timed_by_hand_counts_as_the_program_timed_it_and_loses_the_suffixes():
    (row,) = micro.rows_of(report(**{"ring/push/iterations:32000/manual_time": [2]}))

    assert (row["name"], row["ns"]) == ("ring/push", 200)


def test_rows_come_in_the_order_of_their_names():
    assert [row["name"] for row in micro.rows_of(report(b=[1], a=[1]))] == ["a", "b"]


def test_a_change_outside_the_repetitions_of_both_runs_is_marked():
    before = [row("a", 100, 95, 105), row("b", 100, 95, 105), row("c", 100, 95, 105)]
    now = [row("a", 120, 110, 130), row("b", 80, 70, 90), row("c", 110, 100, 108)]

    compared = micro.compare(now, before)

    assert [(one["ratio"], one["change"]) for one in compared] == [(1.2, "slower"), (0.8, "faster"), (1.1, "")]


def test_a_small_change_is_not_marked_even_if_it_is_outside_the_repetitions():
    (compared,) = micro.compare([row("a", 107, 107, 107)], [row("a", 100, 100, 100)])

    assert compared["change"] == ""


def test_a_row_that_the_earlier_run_does_not_have_is_new():
    rows = micro.compare([row("a", 1, 1, 1), row("b", 1, 1, 1)], [row("a", 1, 1, 1)])

    lines = micro.table(rows).splitlines()

    assert lines[1].split() == ["a", "1.0", "10%", "1.0", "1.00"]
    assert lines[3].split() == ["b", "1.0", "10%", "new"]
    assert lines[-1].startswith("Median of all ratios: 1.00.")


def test_the_table_separates_areas():
    table = micro.table([row("ring/a", 1, 1, 1), row("ring/b", 1, 1, 1), row("queue/a", 1234.56, 1, 1)])

    assert [line.split(" ")[0] for line in table.splitlines()] == ["", "ring/a", "ring/b", "", "queue/a"]
    assert "before" not in table

"""From the reports of bench/micro's programs to its rows, their comparison and its table. Pure.

A row: {"name", "ns" (median), "spread" ((slowest - fastest) / median), "slowest", "fastest"}; after compare() also
"before" (ns), "ratio" and "change" ("slower", "faster", or "" within the spread), for rows that the earlier run has.
"""

import re
import statistics

# A change smaller than this is not marked: between two runs of the same programs a virtual machine drifts by as much.
SMALLEST_CHANGE = 0.08

_MEASURED_BY_HAND = ("/manual_time", "/real_time")


def rows_of(report):
    """The rows of one Google Benchmark report (--benchmark_format=json with repetitions), by name."""
    runs = {}
    for run in report["benchmarks"]:
        if run["run_type"] == "iteration":
            name, nanoseconds = _measured(run)
            runs.setdefault(name, []).append(nanoseconds)
    return [_row(name, times) for name, times in sorted(runs.items())]


def _measured(run):
    name = re.sub(r"/iterations:\d+", "", run["run_name"])
    for suffix in _MEASURED_BY_HAND:
        if name.endswith(suffix):
            return name.removesuffix(suffix), run["real_time"]
    return name, run["cpu_time"]


def _row(name, times):
    median = statistics.median(times)
    spread = (max(times) - min(times)) / median if median else 0.0
    return {
        "name": name,
        "ns": round(median, 1),
        "spread": round(spread, 3),
        "fastest": round(min(times), 1),
        "slowest": round(max(times), 1),
    }


def compare(rows, before):
    """The rows with their earlier figures. Marked is what lies outside both runs' repetitions."""
    earlier = {row["name"]: row for row in before}
    return [row | _difference(row, earlier[row["name"]]) if row["name"] in earlier else row for row in rows]


def _difference(row, before):
    ratio = row["ns"] / before["ns"] if before["ns"] else 1.0
    change = ""
    if ratio > 1 + SMALLEST_CHANGE and row["fastest"] > before["slowest"]:
        change = "slower"
    elif ratio < 1 - SMALLEST_CHANGE and row["slowest"] < before["fastest"]:
        change = "faster"
    return {"before": before["ns"], "ratio": round(ratio, 3), "change": change}


def table(rows):
    """The rows for a terminal, one block per area (what stands before the first '/')."""
    compared = any("ratio" in row for row in rows)
    width = max(len(row["name"]) for row in rows)
    lines = [f"{'':<{width}} {'ns':>10} {'spread':>7}" + (f" {'before':>10} {'ratio':>6}" if compared else "")]
    area = None
    for row in rows:
        if area not in (None, row["name"].partition("/")[0]):
            lines.append("")
        area = row["name"].partition("/")[0]
        line = f"{row['name']:<{width}} {row['ns']:>10.1f} {row['spread']:>7.0%}"
        if "ratio" in row:
            line += f" {row['before']:>10.1f} {row['ratio']:>6.2f} {row['change']}".rstrip()
        elif compared:
            line += "        new"
        lines.append(line)
    if compared:
        drift = statistics.median(row["ratio"] for row in rows if "ratio" in row)
        lines += ["", f"Median of all ratios: {drift:.2f}. Where little was changed, so far has the machine drifted."]
    return "\n".join(lines)

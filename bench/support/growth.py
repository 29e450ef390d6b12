"""From runs to rows that show growth: medians, ratios to the smallest, what one more costs. Pure."""

import re
import statistics


def medians(runs):
    """{key: [figures of each round]} as rows: the key's fields, medians, and how far the CPU per request spreads."""
    rows = []
    for key, results in runs.items():
        numbers = [name for name, value in results[0].items() if name != "errors"]
        middle = {name: statistics.median(result[name] for result in results) for name in numbers}
        cpu = [result["cpu_us"] for result in results]
        errors = "; ".join(sorted({result["errors"] for result in results} - {""}))
        rows.append({**dict(key), **middle, "spread": (max(cpu) - min(cpu)) / middle["cpu_us"], "errors": errors})
    return rows


def compared(rows, axis, base):
    """Adds what CPU per request and memory are relative to the row where the axis is at `base`."""
    beside = next(row for row in rows if row[axis] == base)
    for row in rows:
        row["cpu_ratio"] = row["cpu_us"] / beside["cpu_us"]
        row["memory_ratio"] = row["pss_kb"] / beside["pss_kb"]
    return rows


def deviations(rows, axis, least, key):
    """How far a ratio lies below and above 1 where the axis is at `least` or more."""
    ratios = [row[key] for row in rows if row[axis] >= least]
    return min(ratios) - 1, max(ratios) - 1


def slope(rows, grows, stays, memory="pss_kb"):
    """KB of all processes for one more of `grows`, from the first to the last row where `stays` is 1."""
    along = sorted((row for row in rows if row[stays] == 1), key=lambda row: row[grows])
    return (along[-1][memory] - along[0][memory]) / max(1, along[-1][grows] - along[0][grows])


def by_pool(rows, memory):
    """{(application, server): {workers: KB}}"""
    found = {}
    for row in rows:
        found.setdefault((row["application"], row["server"]), {})[row["workers"]] = row[memory]
    return found


def beside_gunicorn(pools_, application, server):
    """Memory with 4 workers, relative to gunicorn's without preload."""
    return pools_[application, server][4] / pools_[application, "gunicorn"][4]


def slab_bytes(meminfo):
    return int(re.search(r"^Slab:\s+(\d+) kB", meminfo, re.MULTILINE)[1]) * 1024

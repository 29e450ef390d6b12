"""The figures to reach, as ratios of one run. Pure: rows in, verdicts out; what was not measured gives none."""

from dataclasses import dataclass

from .summary import lower_bound
from .workloads import TYPICAL

NO_PEERS = ("fettle", "floor")


@dataclass(frozen=True)
class Verdict:
    server: str
    goal: str
    wanted: str  # ">= 8.00"
    figure: float
    reached: bool


def verdicts(rows, latencies, memory):
    """All goals for each fettle of the run."""
    names = dict.fromkeys(each["server"] for each in [*rows, *latencies, *memory] if is_fettle(each["server"]))
    found = []
    for name in names:
        found += throughput(name, rows) + latency(name, latencies) + tree_memory(name, memory)
    return found


def is_fettle(name):
    return name.partition(":")[0] == "fettle"


def peers_of(rows):
    return [row for row in rows if row["server"].partition(":")[0] not in NO_PEERS]


def throughput(name, rows):
    found = []
    for task, judge in (("hello", hello), ("10k", ten_kilobytes), ("1m", megabyte)):
        beside = {row["server"]: row for row in rows if row["workload"] == f"{task}/{TYPICAL}"}
        if name in beside:
            found += judge(beside.pop(name), beside)
    return found


def hello(row, beside):
    found = []
    for peer, least in (("gunicorn", 8), ("uwsgi", 1.5)):
        if peer in beside:
            found.append(rate(row, beside[peer], f"hello: req/s to {peer}", least))
    if base := beside.get("granian"):
        found.append(at_most(row, "hello: CPU per request to granian", row["cpu_us"] / base["cpu_us"], 1.0))
        bound = lower_bound(row["rates"], base["rates"])
        found.append(at_least(row, "hello: req/s to granian, lowest of all rounds", bound, 0.97))
    if base := beside.get("floor"):
        found.append(at_most(row, "hello: CPU per request to the floor", row["cpu_us"] / base["cpu_us"], 1.4))
    return found


def ten_kilobytes(row, beside):
    return [rate(row, beside["granian"], "10 KB: req/s to granian", 1.0)] if "granian" in beside else []


def megabyte(row, beside):
    peers = peers_of(beside.values())
    if not peers:
        return []
    best = max(peers, key=lambda peer: peer["per_second"])
    label = f"1 MB: req/s to the best peer, {best['server']}"
    return [rate(row, best, label, 0.75), rate(row, best, f"{label} (aimed at)", 0.85)]


def latency(name, latencies):
    own = next((row for row in latencies if row["server"] == name), None)
    peers = peers_of(latencies)
    if not own or not peers:
        return []
    best = min(peers, key=lambda peer: peer["p99_ms"])
    label = f"p99 at {own['rate']} req/s to the best peer, {best['server']}"
    return [at_most(own, label, own["p99_ms"] / best["p99_ms"], 1.1)]


def tree_memory(name, memory):
    sizes = {row["server"]: row for row in memory}
    if name not in sizes or "gunicorn" not in sizes:
        return []
    figure = sizes[name]["pss_bytes"] / sizes["gunicorn"]["pss_bytes"]
    return [at_most(sizes[name], "flask_shop, 4 workers: PSS of the tree to gunicorn", figure, 0.6)]


def rate(row, base, goal, least):
    """The ratio of the rates; where wrk was the limit of either, that of CPU per request instead."""
    if row["wrk_was_the_limit"] or base["wrk_was_the_limit"]:
        return at_least(row, f"{goal} (by CPU: wrk was the limit)", base["cpu_us"] / row["cpu_us"], least)
    return at_least(row, goal, row["per_second"] / base["per_second"], least)


def at_least(row, goal, figure, least):
    return Verdict(row["server"], goal, f">= {least:.2f}", figure, figure >= least)


def at_most(row, goal, figure, most):
    return Verdict(row["server"], goal, f"<= {most:.2f}", figure, figure <= most)

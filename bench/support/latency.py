"""Latency at one constant rate for all servers: 70 % of what the slowest of them can do."""

import statistics

from . import load

SHARE = 0.7
CONNECTIONS = 8  # uWSGI's threads: more kept connections than threads would wait for ever there


def common_rate(rows, workload):
    """Requests per second, a multiple of 100 where it is more."""
    slowest = min(row["per_second"] for row in rows if row["workload"] == workload) * SHARE
    return max(1, int(slowest // 100 * 100) or int(slowest))


def measure(running, rate, rounds, seconds):
    """{server name: [pace's figures of each round]} for GET /, taking turns."""
    runs = {}
    for turn in range(rounds):
        first = turn % len(running)
        for server in running[first:] + running[:first]:
            runs.setdefault(server.name, []).append(load.run_pace(server.port, "/", rate, CONNECTIONS, seconds))
    return {server.name: runs[server.name] for server in running}


def rows(runs, rate):
    """Medians over the rounds of each percentile; the largest of all; failed requests in all."""
    return [
        {
            "server": name,
            "rate": rate,
            **{key: statistics.median(result[key] for result in results) for key in ("p50_ms", "p99_ms", "p999_ms")},
            "max_ms": max(result["max_ms"] for result in results),
            "late_ms": max(result["late_ms"] for result in results),
            "failed": sum(result["failed"] for result in results),
        }
        for name, results in runs.items()
    ]

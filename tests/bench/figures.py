"""Results as the load generators give them, for tests that only look at some of the figures."""


def run(per_second, cpu_us=10.0, busy=0.5, **errors):
    """One run of wrk against a server."""
    none = dict.fromkeys(("connect_errors", "read_errors", "write_errors", "timeouts", "not_2xx"), 0)
    figures = {"requests": int(per_second), "per_second": per_second, "cpu_us": cpu_us, "switches": 0.1, "busy": busy}
    return {**figures, "p50_ms": 1.0, "p99_ms": 2.0, **none, **errors}


def paced(p99_ms, max_ms=5.0, failed=0):
    """One run of pace."""
    percentiles = {"p50_ms": 0.1, "p99_ms": p99_ms, "p999_ms": 3.0, "max_ms": max_ms}
    return {"requests": 100, "completed": 100 - failed, "failed": failed, "late_ms": 0.2, **percentiles}

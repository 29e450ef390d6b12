"""The load generators, on a CPU of their own. wrk: closed loops, as fast as the server answers. pace (bench/pace.cpp):
a constant rate whatever the server does, latencies from the moment each request was due.

parse_wrk is pure; run_wrk adds what only the caller can see: how busy wrk itself was.
"""

import json
import os
import re
import subprocess
import time

from . import native

CLIENT_CPU = "1"
_MILLISECONDS = {"us": 0.001, "ms": 1.0, "s": 1000.0, "m": 60000.0}
_ERRORS = re.compile(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)")


def run_wrk(url, connections, seconds, headers=(), script=None):
    """parse_wrk's figures, and `busy`: wrk's CPU time as a share of the elapsed time."""
    command = ["taskset", "-c", CLIENT_CPU, "wrk", "-t", "1", "-c", str(connections), "-d", f"{seconds}s", "--latency"]
    for header in headers:
        command += ["-H", header]
    command += ["-s", str(script)] if script else []
    started = time.monotonic()
    wrk = subprocess.Popen([*command, url], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    output = wrk.stdout.read()
    _, status, usage = os.wait4(wrk.pid, 0)
    elapsed = time.monotonic() - started
    wrk.returncode = os.waitstatus_to_exitcode(status)
    if wrk.returncode != 0:
        raise RuntimeError(f"wrk failed on {url}\n{output}")
    return {**parse_wrk(output), "busy": (usage.ru_utime + usage.ru_stime) / elapsed}


def parse_wrk(output):
    """wrk's report as numbers: `requests` that were served and `per_second` of these, latencies in ms, and what went
    wrong. wrk counts refusals (`not_2xx`) among its requests: they are cheap, and no service, so they are taken out.
    """
    errors = _ERRORS.search(output)
    connect, read, write, timeout = map(int, errors.groups()) if errors else (0, 0, 0, 0)
    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", output)
    not_2xx = int(refused[1]) if refused else 0
    answered = int(re.search(r"(\d+) requests in", output)[1])
    served = answered - not_2xx
    return {
        "requests": served,
        "per_second": float(re.search(r"Requests/sec:\s+([\d.]+)", output)[1]) * served / max(1, answered),
        "p50_ms": milliseconds(re.search(r"^\s+50%\s+(\S+)", output, re.MULTILINE)[1]),
        "p99_ms": milliseconds(re.search(r"^\s+99%\s+(\S+)", output, re.MULTILINE)[1]),
        "connect_errors": connect,
        "read_errors": read,
        "write_errors": write,
        "timeouts": timeout,
        "not_2xx": not_2xx,
    }


def milliseconds(text):
    """wrk's "1.23ms", "45.60us", "2.00s", "1.50m"."""
    value, unit = re.fullmatch(r"([\d.]+)(us|ms|s|m)", text).groups()
    return float(value) * _MILLISECONDS[unit]


def run_pace(port, path, rate, connections, seconds):
    """`requests` wanted, `completed` with 200 and `failed`; p50_ms, p99_ms, p999_ms, max_ms of all completed;
    `late_ms`: the longest time in which pace itself looked at nothing, its own error."""
    command = ["taskset", "-c", CLIENT_CPU, native.program("pace"), port, path, rate, connections, seconds]
    return json.loads(subprocess.run(map(str, command), check=True, capture_output=True, text=True, timeout=600).stdout)


def error_text(errors):
    """{"timeouts": 3} as "3 timeouts"."""
    return ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in errors.items() if count)

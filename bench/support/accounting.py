"""What a living process tree has used so far, and what it holds now.

Counters only grow while the tree stays the same: take the difference of two snapshots around a load. A process that
ended in between takes its share with it, a thread that ended does not.
"""

import re
import time
from dataclasses import dataclass
from pathlib import Path

from devtools import processes

_SWITCHES = re.compile(r"^(?:non)?voluntary_ctxt_switches:\s+(\d+)", re.MULTILINE)
_PSS = re.compile(r"^Pss:\s+(\d+) kB", re.MULTILINE)


@dataclass(frozen=True)
class Usage:
    cpu_seconds: float  # user and system, with the kernel's nanosecond accuracy
    context_switches: int  # voluntary and involuntary, of the living threads

    def __sub__(self, earlier):
        return Usage(self.cpu_seconds - earlier.cpu_seconds, self.context_switches - earlier.context_switches)


def usage(pid):
    """What the process and all its living descendants have used since their start."""
    pids = tree_pids(pid)
    return Usage(sum(map(process_cpu_seconds, pids)), sum(map(process_context_switches, pids)))


def cpu_seconds(pid):
    """CPU seconds of the process and all its living descendants."""
    return sum(map(process_cpu_seconds, tree_pids(pid)))


def pss_bytes(pid):
    """Proportional set size of the tree: shared pages count once, divided among those that map them."""
    return sum(map(process_pss_bytes, tree_pids(pid)))


def tree_pids(pid):
    """The process and all its living descendants."""
    return [pid, *(process.pid for process in processes.descendants(pid) if not process.zombie)]


def process_cpu_seconds(pid):
    """User and system time of one process and its threads, those that ended included; 0 once it is gone."""
    process_cpu_clock = (~pid << 3) | 2  # clock_getcpuclockid(3): any process may read any other's
    try:
        return time.clock_gettime_ns(process_cpu_clock) / 1e9
    except OSError:
        return 0.0


def process_context_switches(pid):
    """Of all living threads of one process; 0 once it is gone."""
    total = 0
    for status in Path(f"/proc/{pid}/task").glob("*/status"):
        try:
            total += sum(map(int, _SWITCHES.findall(status.read_text())))
        except OSError:  # the thread ended
            continue
    return total


def process_pss_bytes(pid):
    """0 once it is gone; needs the rights of ptrace on it."""
    try:
        return int(_PSS.search(Path(f"/proc/{pid}/smaps_rollup").read_text())[1]) * 1024
    except (FileNotFoundError, ProcessLookupError, TypeError):
        return 0

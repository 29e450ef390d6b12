"""Runs libFuzzer targets side by side and tells what came of it. Started by scripts/fuzz."""

import argparse
import contextlib
import datetime
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

# The largest input in bytes, where libFuzzer's own choice (the largest seed) would be too small.
LONGEST_INPUT = 4096
MEMORY_MB = 2048  # of one fuzzer: more is a fault
SLOWEST_SECONDS = 20  # of one input: more is a fault; generous, because the fuzzers run at the lowest priority


# What libFuzzer writes when something is wrong; it also keeps "slow-unit-" files, which are not.
FAULTS = ("crash-", "leak-", "oom-", "timeout-")
INTERRUPTED = 72  # its exit code after SIGINT


class Outcome(NamedTuple):
    target: str
    executions: int
    wall: float
    cpu: float
    edges: int
    corpus: int
    faults: list
    log: Path


def number(pattern, text):
    found = re.findall(pattern, text)
    return int(found[-1]) if found else 0


class Fuzzer:
    """One target; its files live below build/fuzz."""

    def __init__(self, root, target):
        self.target = target
        self.seeds = root / "tests/fuzz/corpus" / target
        self.dictionary = root / "tests/fuzz/dictionaries" / f"{target}.dict"
        self.corpus = root / "build/fuzz/corpus" / target
        self.faults = root / "build/fuzz/faults" / target
        self.log = root / "build/fuzz/logs" / f"{target}-{os.getpid()}.log"  # two runs may go on at once
        self.binary = root / "build/fuzz/bin" / f"fuzz_{target}"
        for folder in (self.corpus, self.faults, self.log.parent):
            folder.mkdir(parents=True, exist_ok=True)

    def command(self, binary, seconds):
        arguments = [
            binary,
            f"-max_total_time={seconds}",
            f"-max_len={LONGEST_INPUT}",
            f"-rss_limit_mb={MEMORY_MB}",
            f"-timeout={SLOWEST_SECONDS}",
            f"-artifact_prefix={self.faults}/",
            "-print_final_stats=1",
        ]
        if self.dictionary.exists():
            arguments.append(f"-dict={self.dictionary}")
        return [*arguments, self.corpus, *([self.seeds] if self.seeds.is_dir() else [])]

    def fault_files(self):
        return {file for file in self.faults.iterdir() if file.name.startswith(FAULTS)}

    def run(self, seconds, running):
        known = self.fault_files()
        began = time.monotonic()
        # A copy, so that a build during a long run does not change what runs.
        with tempfile.TemporaryDirectory() as folder, self.log.open("wb") as log:
            binary = shutil.copy(self.binary, folder)
            process = subprocess.Popen(
                self.command(binary, seconds),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=lambda: os.nice(19),
            )
            running.append(process)
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        text = self.log.read_text(errors="replace")
        faults = sorted(self.fault_files() - known)
        if process.returncode not in (0, INTERRUPTED) and not faults:
            faults = [self.log]  # it did not even start, or was killed
        return Outcome(
            self.target,
            number(r"number_of_executed_units:\s+(\d+)", text) or number(r"(?m)^#(\d+)", text),
            time.monotonic() - began,
            usage.ru_utime + usage.ru_stime,
            number(r"cov: (\d+)", text),
            len(list(self.corpus.iterdir())),
            faults,
            self.log,
        )


def interruptible(running):
    """SIGINT and SIGTERM end the fuzzers, whose results so far count."""

    def end(*_):
        for process in running:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGINT)

    signal.signal(signal.SIGINT, end)
    signal.signal(signal.SIGTERM, end)


def note(root, outcomes):
    """Adds the results to build/fuzz/log.tsv."""
    log = root / "build/fuzz/log.tsv"
    new = not log.exists()
    with log.open("a") as file:
        if new:
            file.write("ended\ttarget\texecutions\twall_seconds\tcpu_seconds\tedges\tfaults\n")
        stamp = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
        for one in outcomes:
            figures = (one.executions, f"{one.wall:.0f}", f"{one.cpu:.0f}", one.edges, len(one.faults))
            file.write("\t".join(map(str, (stamp, one.target, *figures))) + "\n")


def show(root, outcomes):
    print(f"\n{'target':<16}{'executions':>14}{'wall s':>9}{'CPU s':>9}{'edges':>8}{'corpus':>8}{'faults':>8}")
    for one in outcomes:
        print(
            f"{one.target:<16}{one.executions:>14,}{one.wall:>9.0f}{one.cpu:>9.0f}{one.edges:>8}{one.corpus:>8}"
            f"{len(one.faults):>8}"
        )
    for one in outcomes:
        for fault in one.faults:
            binary = f"build/fuzz/bin/fuzz_{one.target}"
            print(f"\n{one.target} failed; see {one.log.relative_to(root)}, and run it again with:")
            print(f"  {binary} {fault.relative_to(root)}" if fault.suffix != ".log" else f"  scripts/fuzz {one.target}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--seconds", type=int, required=True)
    parser.add_argument("--jobs", type=int, required=True)
    parser.add_argument("targets", nargs="+")
    options = parser.parse_args()
    running = []
    interruptible(running)
    with ThreadPoolExecutor(options.jobs) as pool:
        tasks = [
            pool.submit(Fuzzer(options.root, target).run, options.seconds, running) for target in options.targets
        ]
        while not all(task.done() for task in tasks):
            threading.Event().wait(0.2)  # keeps the main thread free for signals
        outcomes = [task.result() for task in tasks]
    note(options.root, outcomes)
    show(options.root, outcomes)
    return 1 if any(one.faults for one in outcomes) else 0


if __name__ == "__main__":
    sys.exit(main())

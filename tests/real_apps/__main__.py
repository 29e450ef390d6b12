"""`python -m real_apps [--junit FILE] [NAME...]`: see README.md; scripts/real-apps prepares what it needs."""

import argparse
import contextlib
import os
import sys
import tempfile
import time
from pathlib import Path

from devtools import processes
from devtools.server import BINARY

from . import django_admin, frameworks, hgweb, httpbin
from .report import Abandoned, Report

APPLICATIONS = {"httpbin": httpbin.run, "django": django_admin.run, "hgweb": hgweb.run, "frameworks": frameworks.run}


def parse_arguments():
    parser = argparse.ArgumentParser(prog="scripts/real-apps")
    parser.add_argument("names", nargs="*", metavar="NAME", help="of: " + ", ".join(APPLICATIONS) + " (default: all)")
    parser.add_argument("--junit", type=Path, metavar="FILE", help="also write the results as JUnit XML")
    arguments = parser.parse_args()
    for name in arguments.names:
        if name not in APPLICATIONS:
            parser.error(f"there is no '{name}'; choose from {', '.join(APPLICATIONS)}")
    return arguments


def main():
    arguments = parse_arguments()
    processes.become_subreaper()  # what a server leaves behind becomes ours, and is found
    print(f"{BINARY} serves; interpreters and packages: build/real-apps\n", flush=True)
    started = time.monotonic()
    report = Report()
    for name in arguments.names or APPLICATIONS:
        with contextlib.suppress(Abandoned), tempfile.TemporaryDirectory(prefix="fettle-apps-") as folder:
            APPLICATIONS[name](report.of(name), Path(folder))
    if arguments.junit:
        report.write_junit(arguments.junit)
    print(f"\n{report.summary()} ({time.monotonic() - started:.1f} s)")
    return 1 if report.failures or not report.steps else 0


if __name__ == "__main__":
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    sys.exit(main())

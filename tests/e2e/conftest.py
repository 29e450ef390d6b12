"""Fixtures: `server` makes servers for a test; afterwards, the invariants of harness.py are checked."""

import os
import tempfile
from collections import Counter
from pathlib import Path

import pytest
from devtools import processes
from devtools.server import BINARY
from harness import Server, leftover


def pytest_configure():
    if not BINARY.exists():
        pytest.exit(f"{BINARY} is not there: run scripts/setup, or set FETTLE_BIN", returncode=4)
    processes.become_subreaper()


def pytest_terminal_summary(terminalreporter):
    """How many WSGI cases passed, by interpreter and mode."""
    passed = Counter()
    for report in terminalreporter.stats.get("passed", []):
        if report.when == "call" and "test_wsgi_case[" in report.nodeid:
            interpreter, mode, _ = report.nodeid.partition("[")[2].split("-", 2)
            passed[interpreter, mode] += 1
    for (interpreter, mode), count in passed.items():
        terminalreporter.write_line(f"WSGI cases passed on {interpreter}, {mode}: {count}")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(item):
    report = yield
    setattr(item, f"report_{report.when}", report)
    return report


@pytest.fixture
def folder():
    """A short path: it holds Unix sockets, whose paths are limited to 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="fettle-e2e-") as name:
        yield Path(name)


@pytest.fixture
def server(request, folder):
    """server("module:attr", {"section": {"key": value}}) makes a Server in the test's folder; start() it."""
    before = {(p.pid, p.started) for p in processes.descendants(os.getpid())}
    made = []

    def make(*arguments, **keywords):
        place = folder / f"server{len(made)}" if made else folder
        place.mkdir(exist_ok=True)
        made.append(Server(place, *arguments, **keywords))
        return made[-1]

    yield make

    failed = getattr(request.node, "report_call", None) is not None and request.node.report_call.failed
    problems = []
    for one in made:
        try:
            one.finish()
        except AssertionError as error:
            problems.append(str(error))
    problems += leftover(before)
    if problems and failed:
        print("\n".join(problems))  # the test's own failure comes first
    else:
        assert not problems, "\n\n".join(problems)

"""scripts/demo: the Flask shop on fettle, to look at (until Ctrl-C) or to be checked."""

import os
import signal
import socket
import sys
import tempfile
import time
import traceback
from pathlib import Path

import httpx

from . import processes, shop_checks
from .server import REPOSITORY, Server
from .waiting import wait_until

SHOP = REPOSITORY / "examples/flask_shop"
PROCESSES, THREADS = 2, 2


def start(folder, port):
    config = {
        "app": {"target": "wsgi:application", "chdir": SHOP},
        "listen": {"bind": [f"127.0.0.1:{port}"]},
        "python": {"gil": sys.executable},
        "concurrency": {"processes": PROCESSES, "threads": THREADS},
    }
    server = Server(folder, config, env={"SHOP_DATA": str(folder / "data"), "PYTHONDONTWRITEBYTECODE": "1"})
    server.launch()
    try:
        return server.wait_ready(PROCESSES, timeout=60)
    except BaseException:
        if server.process.poll() is None:
            server.stop()
        raise


def introduce(server):
    url = server.url
    things = {
        f"curl {url}/api/products/compass": "some JSON",
        f"kill -9 {server.workers()[0].pid}; curl {url}/lab/worker": "the worker is replaced before you notice",
        f"curl -N '{url}/orders/1/track?pace=1'": "a response that arrives as it is made",
    }
    width = max(map(len, things))
    print(f"\nThe shop is open: {url}\n\n{processes.pretty(server.pid)}\n")
    print("Three things to try, in another terminal:")
    for command, effect in things.items():
        print(f"  {command:<{width}}   # {effect}")
    print("\nCtrl-C stops it. The log:\n", flush=True)


def follow_log(server):
    """Prints the log until the server ends."""
    with open(server.log_file, encoding="utf-8", errors="replace") as log:

        def print_more():
            print(log.read(), end="", flush=True)
            return server.process.poll() is not None

        while True:
            try:
                wait_until(print_more, 3600, "the server's end")
                return
            except AssertionError:
                continue


def show(folder):
    server = start(folder, 8000 if port_is_free(8000) else 0)
    # Ours, not the server's: it has a session of its own, so the terminal's Ctrl-C is passed on exactly once.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _frame: server.process.poll() is None and server.send_signal(number))
    introduce(server)
    follow_log(server)
    return server.process.returncode


def port_is_free(port):
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
            return True
        except OSError:
            return False


def check(folder):
    processes.become_subreaper()
    started = time.monotonic()
    server = start(folder, 0)
    failures = 0
    print(f"\n{processes.pretty(server.pid)}\n")
    print(f"ok      serving at {server.url} after {time.monotonic() - started:.1f} s")
    for function in shop_checks.CHECKS:
        begun = time.monotonic()
        try:
            with httpx.Client(base_url=server.url, timeout=30) as client:
                function(client)
            print(f"ok      {function.__doc__} ({time.monotonic() - begun:.1f} s)", flush=True)
        except Exception:
            failures += 1
            print(f"FAILED  {function.__doc__}\n{traceback.format_exc()}", flush=True)
    failures += 0 if stops_cleanly(server) else 1
    print(f"\n{'All is well' if not failures else f'{failures} checks FAILED'} ({time.monotonic() - started:.1f} s)")
    if failures:
        print(server.log_excerpt())
    return 1 if failures else 0


def stops_cleanly(server):
    code = server.stop()
    left = processes.descendants(os.getpid())
    suspicious = [message for message in server.log().splitlines() if " error: " in message]
    well = code == 0 and not left
    print(
        f"{'ok    ' if well else 'FAILED'}  stopped by SIGTERM: exit code {code}, {len(left)} processes left behind",
        flush=True,
    )
    for process in left:
        print(f"        {process.pid} {process.state} {process.command}")
    for line in suspicious:
        print(f"        {line}")
    return well


def main():
    with tempfile.TemporaryDirectory(prefix="fettle-demo-") as name:
        return check(Path(name)) if "--check" in sys.argv[1:] else show(Path(name))


if __name__ == "__main__":
    sys.exit(main())

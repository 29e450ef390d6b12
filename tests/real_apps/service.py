"""fettle with two workers for an application, and what must hold when the client has finished with it."""

import contextlib
import os
import subprocess
from pathlib import Path

from devtools import processes
from devtools.server import REPOSITORY
from harness import Server, leftover

HERE = Path(__file__).parent
SITES = HERE / "sites"
PROCESSES = 2


def virtual_environment(name):
    """The folder of the application's packages; scripts/real-apps made it."""
    return REPOSITORY / "build/real-apps" / name


def by_file(venv, target, chdir, sections=None):
    """Arguments of a Server that runs `fettle serve` with a TOML file."""
    config = {
        "app": {"target": target, "chdir": chdir},
        "listen": {"bind": ["127.0.0.1:0"]},
        "python": {"gil": virtual_environment(venv) / "bin/python"},
        "concurrency": {"processes": PROCESSES},
    }
    for section, keys in (sections or {}).items():
        config[section] = {**config.get(section, {}), **keys}
    return {"config": config}


def by_command_line(venv, target, chdir, *more):
    """Arguments of a Server that runs `fettle run`."""
    python = virtual_environment(venv) / "bin/python"
    words = ["run", target, "--bind", "127.0.0.1:0", "--chdir", chdir, "-w", PROCESSES, "--python", python, *more]
    return {"raw": True, "arguments": [str(word) for word in words]}


@contextlib.contextmanager
def serving(section, folder, how, arguments, warm_up, env=None, expect_log=()):
    """Starts fettle, yields it, stops it; each is a step of the table. `warm_up(server)` makes the application open what it
    keeps open: descriptors are counted after it. With a failed start or stop the rest of the section is left out."""
    folder.mkdir()
    before = {(p.pid, p.started) for p in processes.descendants(os.getpid())}
    server = Server(folder, env=env, **arguments)
    server.processes = PROCESSES
    server.expect_log(*expect_log)
    try:
        with section.vital_step(f"starts two workers: {how}"):
            server.start(timeout=60)
            for _ in range(20):
                warm_up(server)
        resources = server.resources()
        yield server
        with section.step("no descriptor or memory file leaked in supervisor, balancer, zygote, workers"):
            server.wait_resources(resources)
    finally:
        with section.step("stops with exit code 0; no process or zombie left; nothing unexplained in the log"):
            try:
                server.finish()
            finally:
                left = leftover(before)
            assert not left, "\n".join(left)


def run(*words, folder=None, env=None, check=True, binary_input=None, timeout=120):
    """A client's command; returns what subprocess.run() does, with bytes."""
    done = subprocess.run(
        [str(word) for word in words],
        cwd=folder,
        env={**os.environ, **(env or {})},
        input=binary_input,
        stdin=None if binary_input is not None else subprocess.DEVNULL,
        capture_output=True,
        timeout=timeout,
        check=False,
    )
    assert done.returncode == 0 or not check, (
        f"{words} ended with exit code {done.returncode}\n{done.stdout[-2000:]!r}\n{done.stderr[-2000:]!r}"
    )
    return done

"""The command line: help, check, config, and who wins."""

import json
import re

import pytest
from harness import APPS, fettle


@pytest.fixture(autouse=True)
def nothing_left(server):
    """The invariants about processes are those of the `server` fixture."""


def test_help_lists_what_people_type():
    said = fettle("--help")

    assert said.returncode == 0
    for command in ("run", "serve", "check", "config"):
        assert re.search(rf"^\s+{command}\b", said.stdout, re.MULTILINE)
    assert "balancer" not in said.stdout  # a hidden role


@pytest.mark.parametrize("command", ["run", "serve", "check", "config"])
def test_every_subcommand_has_help(command):
    said = fettle(command, "--help")

    assert said.returncode == 0
    assert said.stdout


def test_the_version_is_told():
    said = fettle("--version")

    assert said.returncode == 0
    assert re.search(r"\d+\.\d+\.\d+", said.stdout)


def effective(folder, *arguments, env=None):
    """What `config --show` prints: one line per setting with its value and origin."""
    said = fettle("config", "--show", "-c", str(folder / "fettle.toml"), *arguments, env=env)
    assert said.returncode == 0, said.stderr
    return said.stdout


def line_of(shown, key):
    return next(line for line in shown.splitlines() if re.match(rf"\s*{re.escape(key)}\b", line))


def test_file_environment_and_command_line_win_in_this_order(folder):
    (folder / "fettle.toml").write_text(
        '[app]\ntarget = "lab"\n[concurrency]\nprocesses = 3\nthreads = 2\n[queue]\nmax_length = 7\n'
    )

    file_only = effective(folder)
    with_environment = effective(folder, env={"FETTLE_CONCURRENCY_PROCESSES": "5", "WEB_CONCURRENCY": "4"})
    with_all = effective(folder, "--processes", "6", env={"FETTLE_CONCURRENCY_PROCESSES": "5"})

    assert "3" in line_of(file_only, "concurrency.processes")
    assert "fettle.toml" in line_of(file_only, "concurrency.processes")
    assert "5" in line_of(with_environment, "concurrency.processes")
    assert "FETTLE_CONCURRENCY_PROCESSES" in line_of(with_environment, "concurrency.processes")
    assert "6" in line_of(with_all, "concurrency.processes")
    assert "7" in line_of(with_all, "queue.max_length")


def test_port_and_web_concurrency_are_understood(folder):
    (folder / "fettle.toml").write_text('[app]\ntarget = "lab"\n')

    shown = effective(folder, env={"PORT": "9123", "WEB_CONCURRENCY": "4"})

    assert "9123" in line_of(shown, "listen.bind")
    assert "4" in line_of(shown, "concurrency.processes")


def test_check_says_that_an_application_is_fine(folder):
    (folder / "fettle.toml").write_text(f'[app]\ntarget = "lab"\nchdir = "{APPS}"\n')

    said = fettle("check", "-c", str(folder / "fettle.toml"), env={"TEST_FOLDER": str(folder)})

    assert said.returncode == 0, said.stdout + said.stderr
    assert re.search(r"CPython 3\.\d+", said.stdout + said.stderr)


@pytest.mark.parametrize(
    ("config", "code", "words"),
    [
        ('[app]\ntarget = "import_fails"\n', 4, ["module_that_is_not_there", "Traceback"]),
        ('[app]\ntarget = "no_attribute"\n', 4, ["no_attribute", "application"]),
        ("[app\n", 7, ["fettle.toml:1:"]),
        ('[app]\ntarget = "lab"\n[concurrency]\nprocesses = "two"\n', 7, ["fettle.toml:4:", "processes", "integer"]),
        ('[app]\ntargt = "lab"\n', 7, ["fettle.toml:2:", "target"]),
    ],
)
def test_check_says_what_is_wrong_and_does_not_serve(folder, config, code, words):
    (folder / "fettle.toml").write_text(
        config.replace("[app]\n", f'[app]\nchdir = "{APPS}"\n') if code == 4 else config
    )

    said = fettle("check", "-c", str(folder / "fettle.toml"))

    assert said.returncode == code, said.stdout + said.stderr
    for word in words:
        assert word in said.stdout + said.stderr


def test_check_names_threads_that_forbid_preloading(folder):
    (folder / "fettle.toml").write_text(f'[app]\ntarget = "starts_thread"\nchdir = "{APPS}"\n')

    said = fettle("check", "-c", str(folder / "fettle.toml"))

    assert said.returncode == 0
    assert "preload" in said.stdout + said.stderr


def test_settings_of_the_file_reach_the_workers(server):
    lab = server("lab", {"app": {"env": {"SHOP_COLOUR": "blue"}}, "http": {"server_header": "shop"}}).start()

    assert json.loads(lab.get("/process-environment").body)["SHOP_COLOUR"] == "blue"
    assert lab.get("/").header("Server") == "shop"


def test_an_empty_server_header_is_none_at_all(server):
    lab = server("lab", {"http": {"server_header": ""}}).start()

    assert lab.get("/").header("Server") is None

"""What is wrong is said once, with what to do; the exit code says which kind; nothing is left behind."""

import re
import shutil
import socket
from pathlib import Path

import pytest
from devtools.server import BINARY, to_toml
from harness import APPS, fettle

USAGE, NEVER_READY, APP_LOAD, BIND, INTERPRETER, CONFIGURATION = 2, 3, 4, 5, 6, 7


def run(*arguments, **options):
    """(exit code, everything it said)"""
    done = fettle(*arguments, **options)
    return done.returncode, done.stdout + done.stderr


def serve(folder, config):
    path = folder / "fettle.toml"
    path.write_text(config)
    return run("serve", "-c", str(path))


@pytest.fixture(autouse=True)
def nothing_left(server):
    """The invariants about processes are those of the `server` fixture."""


# ---- the configuration


def test_broken_toml_names_file_line_and_column(folder):
    code, said = serve(folder, '[app]\ntarget = "lab\n')

    assert code == CONFIGURATION
    assert f"{folder}/fettle.toml:2:" in said


def test_all_mistakes_are_reported_at_once_with_the_nearest_key(folder):
    code, said = serve(
        folder, '[app]\ntarget = "lab"\n[concurency]\nprocesses = 2\n[timeouts]\ngracefull = 3\nstart = "soon"\n'
    )

    assert code == CONFIGURATION
    assert "fettle.toml:3:" in said
    assert "concurrency" in said
    assert "fettle.toml:6:" in said
    assert "graceful" in said
    assert "fettle.toml:7:" in said


def test_a_missing_file_is_named(folder):
    code, said = run("serve", "-c", f"{folder}/missing.toml")

    assert code == CONFIGURATION
    assert f"{folder}/missing.toml" in said


@pytest.mark.parametrize(
    "arguments", [["fly"], ["run"], ["run", "lab", "--no-such-option"], ["run", "lab", "--processes", "many"]]
)
def test_a_wrong_command_line_gets_usage(arguments):
    code, said = run(*arguments)

    assert code == USAGE
    assert "--help" in said


# ---- the application


def test_a_missing_module_is_named_with_where_it_was_looked_for(folder):
    code, said = run("run", "no_such_module", "--bind", "127.0.0.1:0")

    assert code == APP_LOAD
    assert "no_such_module" in said
    assert str(APPS) in said


@pytest.mark.parametrize(
    "arguments",
    [
        ("no_such_module",),
        ("no_attribute",),
        ("lab:nope",),
        ("lab", "--python", "/opt/no-such-python"),
        ("lab", "--bind", "192.0.2.1:8000"),
        ("lab", "--bind", "unix:/nonexistent/lab.sock"),
    ],
)
def test_a_first_start_that_fails_says_one_error_and_nothing_alarming_besides(arguments):
    _, said = run("run", "--bind", "127.0.0.1:0", *arguments)

    assert len(re.findall(r"^.*\b(?:error|warning): ", said, re.MULTILINE)) == 1, said
    assert "died" not in said


def test_an_import_error_shows_the_traceback():
    code, said = run("run", "import_fails", "--bind", "127.0.0.1:0")

    assert code == APP_LOAD
    assert "import_fails.py" in said
    assert "No module named 'module_that_is_not_there'" in said
    assert said.count("Traceback") == 1


def test_a_syntax_error_shows_the_line():
    code, said = run("run", "syntax_error", "--bind", "127.0.0.1:0")

    assert code == APP_LOAD
    assert "syntax_error.py" in said
    assert "SyntaxError" in said


def test_a_missing_attribute_says_which_were_tried():
    code, said = run("run", "no_attribute", "--bind", "127.0.0.1:0")

    assert code == APP_LOAD
    assert "application" in said
    assert "app" in said


def test_something_that_cannot_be_called_is_refused():
    code, said = run("run", "not_callable", "--bind", "127.0.0.1:0")

    assert code == APP_LOAD
    assert "callable" in said


def test_an_application_that_ends_the_process_at_import_is_reported():
    code, said = run("run", "dies_at_import", "--bind", "127.0.0.1:0")

    assert code in (APP_LOAD, NEVER_READY)
    assert "9" in said


def test_workers_that_all_die_before_they_are_ready_end_the_first_start(folder):
    config = {
        "app": {"target": "dies_after_fork", "chdir": APPS, "env": {"DIE_AFTER_FORK": "1"}},
        "listen": {"bind": ["127.0.0.1:0"]},
        "concurrency": {"processes": 2},
        "restart": {"base_delay": 0.01, "start_attempts": 3},
    }

    code, said = serve(folder, to_toml(config))

    assert code == NEVER_READY
    assert "9" in said


# ---- the machine


def test_a_port_in_use_is_named():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        code, said = run("run", "lab", "--bind", f"127.0.0.1:{port}")

    assert code == BIND
    assert f"127.0.0.1:{port}" in said
    assert "in use" in said.lower()


def test_an_address_of_another_machine_is_refused():
    code, said = run("run", "lab", "--bind", "192.0.2.1:8000")

    assert code == BIND
    assert "192.0.2.1:8000" in said


def test_a_unix_socket_in_a_missing_folder_is_refused(folder):
    code, said = run("run", "lab", "--bind", f"unix:{folder}/missing/lab.sock")

    assert code == BIND
    assert f"{folder}/missing" in said


def test_a_unix_socket_that_another_server_serves_is_not_stolen(server, folder):
    first = server("lab", {"listen": {"bind": ["127.0.0.1:0", f"unix:{folder}/lab.sock"]}}).start()

    code, said = run("run", "lab", "--bind", f"unix:{folder}/lab.sock")

    assert code == BIND
    assert "in use" in said.lower()
    assert (folder / "lab.sock").exists()
    assert first.get("/").status == 200


def test_a_socket_file_that_a_dead_server_left_is_replaced(server, folder):
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(f"{folder}/lab.sock")

    lab = server("lab", {"listen": {"bind": ["127.0.0.1:0", f"unix:{folder}/lab.sock"]}}).start()

    assert lab.get("/").status == 200


def test_a_missing_interpreter_is_named():
    code, said = run("run", "lab", "--bind", "127.0.0.1:0", "--python", "/opt/no-such-python")

    assert code == INTERPRETER
    assert "/opt/no-such-python" in said


def test_an_interpreter_without_our_runtime_is_refused_with_what_to_do(folder):
    binary = installation_without_extensions(folder)

    code, said = run("run", "lab", "--bind", "127.0.0.1:0", binary=binary)

    assert code == INTERPRETER
    assert "FETTLE_PYTHONS" in said


def installation_without_extensions(folder):
    """The tree under test as it is for an interpreter that it was not built for."""
    (folder / "bin").mkdir()
    binary = Path(shutil.copy2(BINARY, folder / "bin/fettle"))
    runtime = "lib/fettle/python/fettle"
    shutil.copytree(BINARY.parent.parent / runtime, folder / runtime, ignore=shutil.ignore_patterns("*.so"))
    return binary


@pytest.mark.parametrize("key", ["file", "access"])
def test_a_log_that_cannot_be_opened_is_named(folder, key):
    path = f"{folder}/missing/"
    config = {
        "app": {"target": "lab", "chdir": APPS},
        "listen": {"bind": ["127.0.0.1:0"]},
        "log": {key: f"{path}some.log"},
    }

    code, said = serve(folder, to_toml(config))

    assert code == CONFIGURATION
    assert f"log.{key}" in said
    assert path in said


def test_a_full_disk_for_logs_stops_nobody_and_is_said_once(server):
    lab = server("lab", {"log": {"access": "/dev/full"}})
    lab.expect_log("cannot write a log")
    lab.launch().wait_ready(1)

    with lab.connect() as connection:
        for _ in range(100):
            assert connection.request("GET", "/").status == 200

    lab.wait_until(lambda: "cannot write a log" in lab.log(), 5, "the complaint")
    assert lab.log().count("cannot write a log") <= 2

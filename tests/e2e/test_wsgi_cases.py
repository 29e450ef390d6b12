"""Every case of tests/wsgi_cases, bare and behind wsgiref's validator, on every interpreter of FETTLE_PYTHONS."""

import importlib.util
import os
import re
import tempfile
from pathlib import Path

import pytest
from conftest import leftover
from devtools import processes
from devtools.http import ConnectionEnded
from harness import Server
from wsgi_exchange import Exchange

CASES_FOLDER = Path(__file__).resolve().parent.parent / "wsgi_cases"

# Which run checks what else: in the bare one, text reaches the log although the locale knows only ASCII; in the
# validated one, Python shows what was not closed.
ENVIRONMENT = {
    "bare": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    "validated": {"PYTHONDEVMODE": "1", "PYTHONUTF8": "1"},
}


def load(path):
    name = f"case_{path.parent.name}_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.NAME = f"{path.parent.name}/{path.stem}"
    return module


CASES = [load(path) for path in sorted(CASES_FOLDER.glob("*/*.py"))]
INTERPRETERS = [name for name in re.split("[:;]", os.environ.get("FETTLE_PYTHONS") or "/usr/bin/python3") if name]


def start(server, interpreter, mode, config=None):
    """A Server of the cases; `server` makes one."""
    config = {key: dict(values) for key, values in (config or {}).items()}
    config.setdefault("app", {}).update(target="dispatch", chdir=CASES_FOLDER)
    config["python"] = {"gil": interpreter}
    return server("dispatch", config, env=ENVIRONMENT[mode]).start()


@pytest.fixture(scope="module")
def shared_servers():
    """start() with a server for all cases that need none of their own."""
    before = {(p.pid, p.started) for p in processes.descendants(os.getpid())}
    made = {}
    with tempfile.TemporaryDirectory(prefix="fettle-wsgi-") as folder:

        def make(*arguments, **keywords):
            place = Path(folder) / str(len(made))
            place.mkdir()
            return Server(place, *arguments, **keywords)

        def get(interpreter, mode):
            if (interpreter, mode) not in made:
                made[interpreter, mode] = start(make, interpreter, mode)
            return made[interpreter, mode]

        yield get
        problems = []
        for server in made.values():
            try:
                server.finish()
            except AssertionError as error:
                problems.append(str(error))
    problems += leftover(before)
    assert not problems, "\n\n".join(problems)


def parameters():
    for interpreter in INTERPRETERS:
        for mode in ENVIRONMENT:
            for case in CASES:
                if mode == "bare" or not hasattr(case, "BARE_ONLY"):
                    label = Path(interpreter).resolve().name
                    yield pytest.param(interpreter, mode, case, id=f"{label}-{mode}-{case.NAME}")


@pytest.mark.parametrize(("interpreter", "mode", "case"), parameters())
def test_wsgi_case(interpreter, mode, case, shared_servers, request):
    if hasattr(case, "CONFIG"):
        server = start(request.getfixturevalue("server"), interpreter, mode, case.CONFIG)
    else:
        server = shared_servers(interpreter, mode)
    with Exchange(server, case.NAME, mode == "validated") as exchange:
        if mode == "validated" and hasattr(case, "VALIDATOR_SAYS"):
            expect_refusal(exchange)
            exchange.finish([case.VALIDATOR_SAYS])
        else:
            case.check(exchange)
            exchange.finish(getattr(case, "LOG", []))


def expect_refusal(exchange):
    """What the validator raises ends the request: 500, or the connection in the middle of the response."""
    try:
        assert exchange.get().status == 500
    except ConnectionEnded:
        pass


def test_every_case_says_what_it_tests_and_why():
    assert len(CASES) >= 60
    for case in CASES:
        assert case.__doc__, case.NAME
        assert case.CLAUSE, case.NAME
        assert not (hasattr(case, "BARE_ONLY") and hasattr(case, "VALIDATOR_SAYS")), case.NAME

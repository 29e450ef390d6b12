"""The first minute: `fettle run MODULE`, one request, TERM."""

import json

import pytest
from devtools import processes
from devtools.server import REPOSITORY

HELLO = REPOSITORY / "examples/hello"


def test_fettle_run_serves_a_module_of_the_working_directory(server, folder):
    hello = server(raw=True, arguments=["run", "hello", "--bind", "127.0.0.1:0", "--processes", "1"], cwd=HELLO)
    hello.launch().wait_ready(1)

    response = hello.get("/")

    assert (response.status, response.body) == (200, b"Hello, world!")


@pytest.mark.parametrize(("path", "length"), [("/10k", 10 * 1024), ("/1m", 1024 * 1024)])
def test_larger_greetings_arrive_whole(server, path, length):
    hello = server("hello:application", {"app": {"chdir": HELLO}}).start()

    response = hello.get(path)

    assert response.status == 200
    assert response.body == b"0123456789abcdef" * (length // 16)


def test_the_echo_returns_the_body(server):
    hello = server("hello", {"app": {"chdir": HELLO}}).start()

    with hello.connect() as connection:
        assert connection.request("POST", "/echo", body=b"ping" * 1000).body == b"ping" * 1000
        assert connection.request("GET", "/echo").body == b""


def test_every_process_has_its_title_and_its_parent(server):
    lab = server("lab", {"concurrency": {"processes": 2}}).start()

    top = processes.tree(lab.pid)

    assert top.role == "supervisor"
    assert sorted((child.role, child.number) for child in top.children) == [
        ("balancer", None),
        ("worker", 0),
        ("worker", 1),
        ("zygote", 1),
    ]
    assert {json.loads(lab.get("/worker").body)["parent"] for _ in range(4)} == {lab.pid}


def test_a_class_of_servers_can_share_a_machine(server):
    first, second = server("lab").start(), server("named_app").start()

    assert first.get("/").body == b"Hello, world!"
    assert second.get("/").body == b"named app"


def test_an_attribute_can_be_dotted(server):
    inner = server("named_app:Factory.inner").start()

    assert inner.get("/").body == b"inner"


def test_the_number_of_processes_follows_the_cpus_and_the_log_says_why(server):
    auto = server("lab", {"concurrency": {"processes": "auto"}})
    auto.launch().wait_ready(1)

    reasons = auto.log_messages(r"processes=auto is \d+ CPUs: affinity allows \d+")

    assert reasons, auto.log_excerpt()

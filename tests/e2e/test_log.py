"""The log by program: JSON entries of every process, in the file that the configuration names."""

import json

import pytest
from devtools import http


def entries(text):
    """Every line as an object; a line that is none fails the test."""
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture
def lab(server, folder):
    """A fettle whose log is JSON in a file; standard error should stay empty."""
    one = server("lab", {"log": {"format": "json", "file": str(folder / "log.json")}})
    one.launch()
    one.wait_until(lambda: '"message":"serving on ' in log_of(one), 20, "the first worker")
    return one


def log_of(server):
    file = server.folder / "log.json"
    return file.read_text() if file.exists() else ""


def port_of(server):
    said = next(entry["message"] for entry in entries(log_of(server)) if entry["message"].startswith("serving on "))
    return int(said.rstrip("/").rpartition(":")[2])


def test_json_entries_have_the_fields_of_their_line(lab):
    ready = next(entry for entry in entries(log_of(lab)) if entry["message"].startswith("worker ready "))

    assert (ready["level"], ready["process"], ready["pid"]) == ("info", "supervisor", lab.pid)
    assert ready["fields"]["seat"] == 0
    assert ready["fields"]["pid"] == lab.workers()[0].pid


def test_a_traceback_is_one_json_entry_in_the_log_file(lab):
    with http.Connection(("127.0.0.1", port_of(lab))) as connection:
        assert connection.request("GET", "/raise", [("X-Request-ID", "my-own-id")]).status == 500

    lab.wait_until(lambda: '"traceback"' in log_of(lab), 10, "the traceback")
    entry = next(entry for entry in entries(log_of(lab)) if "traceback" in entry)
    assert (entry["level"], entry["process"], entry["pid"]) == ("error", "worker", lab.workers()[0].pid)
    assert entry["message"].startswith("application error: ")
    assert entry["traceback"].startswith("Traceback (most recent call last):\n")
    assert (entry["fields"]["seat"], entry["fields"]["request_id"]) == (0, "my-own-id")
    assert (entry["fields"]["method"], entry["fields"]["uri"]) == ("GET", "/raise")
    lab.stop()
    assert all("traceback" not in line for line in lab.log().splitlines())
    assert "Traceback" not in lab.log()


def test_tracebacks_are_in_the_log_file_as_text_too(server, folder):
    lab = server("lab", {"log": {"file": str(folder / "fettle.text")}})
    lab.launch()
    text = lambda: (folder / "fettle.text").read_text() if (folder / "fettle.text").exists() else ""  # noqa: E731
    lab.wait_until(lambda: "serving on " in text(), 20, "the first worker")
    port = int(text().partition("serving on http://127.0.0.1:")[2].split()[0].rstrip("/"))

    assert http.get(("127.0.0.1", port), "/raise").status == 500

    lab.wait_until(lambda: "Traceback" in text(), 10, "the traceback")
    assert "worker error: application error seat=0 request_id=" in text()
    assert "Traceback" not in lab.log()

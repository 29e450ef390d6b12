"""One line per request, in Apache's format with Gunicorn's atoms or as JSON."""

import json
import re

from devtools.http import request_bytes


def lines(lab, count):
    path = lab.folder / "access.log"
    read = lambda: path.read_text().splitlines() if path.exists() else []  # noqa: E731
    lab.wait_until(lambda: len(read()) >= count, 5, f"{count} lines in the access log")
    assert len(read()) == count
    return read()


def test_the_default_is_apaches_combined_format(server, folder):
    lab = server("lab", {"log": {"access": f"{folder}/access.log"}}).start()

    lab.get("/sized?n=123", [("User-Agent", 'an "agent"'), ("Referer", "http://example.com/")])

    (line,) = lines(lab, 1)
    assert re.fullmatch(
        r"127\.0\.0\.1 - - \[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\]"
        r' "GET /sized\?n=123 HTTP/1\.1" 200 123 "http://example\.com/" "an .*agent.*"',
        line,
    )


def test_gunicorns_atoms_are_understood(server, folder):
    format_ = "%(m)s|%(U)s|%(q)s|%(H)s|%(s)s|%(B)s|%(D)s|%(L)s|%(p)s|%({x-mine}i)s|%({content-type}o)s"
    lab = server("lab", {"log": {"access": f"{folder}/access.log", "access_format": format_}}).start()

    lab.get("/sized?n=10", [("X-Mine", "yes")])

    method, path, query, protocol, status, size, micros, seconds, pid, mine, kind = lines(lab, 1)[0].split("|")
    assert (method, path, query, protocol, status, size) == ("GET", "/sized", "n=10", "HTTP/1.1", "200", "10")
    assert int(micros) > 0
    assert float(seconds) < 10
    assert pid == f"<{lab.workers()[0].pid}>"
    assert (mine, kind) == ("yes", "text/plain")


def test_json_has_request_id_seat_and_where_the_time_went(server, folder):
    lab = server("lab", {"log": {"access": f"{folder}/access.log", "access_format": "json"}}).start()

    with lab.connect() as running, lab.connect() as waiting:
        running.send(request_bytes("GET", "/gate?name=hold"))
        lab.reached("hold")
        waiting.send(request_bytes("GET", "/", [("X-Request-ID", "waited-7")]))
        lab.wait_until(lambda: len(lab.workers()) == 1, 1, "the worker")
        lab.release("hold")
        running.response()
        waiting.response()

    entries = [json.loads(line) for line in lines(lab, 2)]
    waited = next(entry for entry in entries if entry["id"] == "waited-7")
    held = next(entry for entry in entries if entry["id"] != "waited-7")
    assert re.fullmatch(r"[0-9a-f]{16}", held["id"])
    assert (waited["method"], waited["path"], waited["status"], waited["seat"]) == ("GET", "/", 200, 0)
    assert waited["queue_ms"] >= 0
    assert held["app_ms"] >= 0
    assert waited["bytes_out"] == len(b"Hello, world!")


def test_what_a_client_sends_cannot_forge_a_line(server, folder):
    lab = server("lab", {"log": {"access": f"{folder}/access.log"}}).start()

    lab.get("/%0a127.0.0.1%20-%20forged", [("User-Agent", 'x" 200 1 "\xe4')])

    (line,) = lines(lab, 1)
    assert line.endswith(r'"x\" 200 1 \"\xe4"')


def test_refused_requests_are_logged_too(server, folder):
    lab = server("lab", {"log": {"access": f"{folder}/access.log"}}).start()
    lab.allow_log("status=400|request")

    with lab.connect() as connection:
        connection.send(b"nonsense\r\n\r\n")
        assert connection.response().status == 400

    assert " 400 " in lines(lab, 1)[0]

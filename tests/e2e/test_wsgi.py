"""PEP 3333 as an application sees it."""

import json
import re

import pytest
from devtools.http import ConnectionEnded, chunked, request_bytes


@pytest.fixture
def lab(server):
    return server("lab").start()


def env_of(lab, target="/environ", headers=(), method="GET", body=None, version="HTTP/1.1"):
    with lab.connect() as connection:
        return json.loads(connection.request(method, target, headers, body, version).body)


def test_the_environ_has_what_pep_3333_demands(lab):
    env = env_of(lab, "/environ/a%20b%2Fc?x=1&y=%20", [("X-Custom", "one"), ("User-Agent", "tests")], "POST", b"body")

    assert env["REQUEST_METHOD"] == "POST"
    assert (env["SCRIPT_NAME"], env["PATH_INFO"], env["QUERY_STRING"]) == ("", "/environ/a b/c", "x=1&y=%20")
    assert env["RAW_URI"] == "/environ/a%20b%2Fc?x=1&y=%20"
    assert (env["SERVER_NAME"], env["SERVER_PORT"], env["SERVER_PROTOCOL"]) == ("127.0.0.1", str(lab.port), "HTTP/1.1")
    assert env["REMOTE_ADDR"] == "127.0.0.1"
    assert env["SERVER_SOFTWARE"].startswith("fettle")
    assert env["CONTENT_LENGTH"] == "4"
    assert (env["HTTP_X_CUSTOM"], env["HTTP_USER_AGENT"], env["HTTP_HOST"]) == ("one", "tests", "test")
    assert "HTTP_CONTENT_LENGTH" not in env
    assert (env["wsgi.version"], env["wsgi.url_scheme"]) == ([1, 0], "http")
    assert (env["wsgi.multithread"], env["wsgi.multiprocess"], env["wsgi.run_once"]) == (False, False, False)
    assert {"wsgi.input", "wsgi.errors", "wsgi.file_wrapper"} <= set(env["types"])
    assert all(env["types"][key] == "str" for key in env["types"] if not key.startswith("wsgi."))


def test_environ_says_how_parallel_the_pool_is(server):
    lab = server("lab", {"concurrency": {"processes": 2, "threads": 2}}).start()

    env = env_of(lab)

    assert (env["wsgi.multithread"], env["wsgi.multiprocess"]) == (True, True)


def test_bytes_beyond_ascii_follow_the_latin_1_rule(lab):
    with lab.connect() as connection:
        connection.send(b"GET /environ/caf%C3%A9 HTTP/1.1\r\nHost: test\r\nX-Name: J\xc3\xb6rg\r\n\r\n")
        env = json.loads(connection.response().body)

    assert env["PATH_INFO"].encode("latin-1").decode() == "/environ/café"
    assert env["HTTP_X_NAME"].encode("latin-1").decode() == "Jörg"


def test_headers_that_come_twice_are_joined(lab):
    env = env_of(lab, headers=[("X-Twice", "a"), ("X-Twice", "b"), ("Cookie", "a=1"), ("Cookie", "b=2")])

    assert env["HTTP_X_TWICE"] == "a,b" or env["HTTP_X_TWICE"] == "a, b"
    assert env["HTTP_COOKIE"] == "a=1; b=2"


def test_a_header_with_an_underscore_cannot_pose_as_one_with_a_dash(lab):
    lab.expect_log(r"request header dropped because of the underscore in its name name='x_forwarded_for'")
    env = env_of(lab, headers=[("X_Forwarded_For", "10.0.0.1")])

    assert "HTTP_X_FORWARDED_FOR" not in env


def test_the_environ_of_a_request_owes_nothing_to_the_one_before(lab):
    with lab.connect() as connection:
        connection.request("POST", "/environ", [("X-Secret", "one"), ("Content-Type", "text/x")], b"body")
        env = json.loads(connection.request("GET", "/environ").body)

    assert "HTTP_X_SECRET" not in env
    assert not env.get("CONTENT_TYPE")
    assert env.get("CONTENT_LENGTH", "") in ("", "0")


def test_wsgi_input_reads_in_every_way(lab):
    body = b"first line\nsecond\nabcdone\ntwo\nthree\nfour\nfive"

    with lab.connect() as connection:
        found = json.loads(connection.request("POST", "/read-styles", body=body).body)

    assert found["line"] == "first line\n"
    assert (found["limited"], found["rest_of_line"]) == ("sec", "ond\n")
    assert found["read4"] == "abcd"
    assert "".join(found["lines"]) + "".join(found["iterated"]) + found["rest"] == "one\ntwo\nthree\nfour\nfive"
    assert len("".join(found["lines"])) >= 5  # the hint of readlines
    assert found["end"] == ""


def test_a_chunked_body_ends_for_the_application(lab):
    with lab.connect() as connection:
        connection.send(
            request_bytes("POST", "/echo", [("Transfer-Encoding", "chunked")]) + chunked([b"one ", b"two ", b"three"])
        )
        assert connection.response().body == b"one two three"


def test_write_comes_before_what_is_returned(lab):
    assert lab.get("/write").body == b"one two three"


def test_exc_info_replaces_headers_that_were_not_sent(lab):
    response = lab.get("/replaced-response")

    assert (response.status, response.reason, response.body) == (418, "I'm a teapot", b"short and stout")
    assert response.header("X-First") is None


def test_exc_info_after_the_headers_raises_and_cuts_the_response(lab):
    lab.expect_log("the headers are out", "Traceback", "request failed status=200 reason='the application failed'")

    with lab.connect() as connection:
        connection.send(request_bytes("GET", "/too-late"))
        with pytest.raises(ConnectionEnded):
            connection.response()


def test_start_response_twice_is_an_error(lab):
    lab.expect_log("Traceback", r"start_response\(\) was called twice", "status=500")

    assert lab.get("/start-twice").status == 500


def test_never_calling_start_response_is_an_error(lab):
    lab.expect_log(r"before it called start_response\(\)", "status=500")

    assert lab.get("/never-starts").status == 500


def test_a_header_that_would_split_the_response_is_refused(lab):
    lab.expect_log("X-Injected", "Traceback", "status=500")

    response = lab.get("/bad-header")

    assert response.status == 500
    assert response.header("Set-Cookie") is None


def test_an_exception_gives_500_a_traceback_with_the_request_id_and_the_same_process_serves_on(lab):
    lab.expect_log("Traceback", "request_id=e2e-request-7 .*RuntimeError: the application's own words", "status=500")
    before = json.loads(lab.get("/worker").body)["pid"]

    with lab.connect() as connection:
        response = connection.request("GET", "/raise", [("X-Request-ID", "e2e-request-7")])
        after = json.loads(connection.request("GET", "/worker").body)["pid"]

    assert response.status == 500
    assert b"the application's own words" not in response.body
    assert after == before
    traceback = lab.log()[lab.log().index("Traceback") :]
    assert "lab.py" in traceback
    assert "in raises" in traceback


def test_an_exception_in_the_middle_of_a_stream_cuts_it(lab):
    lab.expect_log("Traceback", "RuntimeError: failed in the middle", "the application failed")

    with lab.connect() as connection:
        connection.send(request_bytes("GET", "/raise-midway"))
        with pytest.raises(ConnectionEnded) as caught:
            connection.response()

    assert b"0\r\n\r\n" not in caught.value.received
    assert lab.get("/").status == 200


def test_close_is_called_after_the_last_piece(lab):
    assert len(lab.get("/closes?n=3").body) == 3000
    lab.wait_until(lambda: closed(lab) == ["noting"], 5, "close()")


def test_close_is_called_once_when_the_client_leaves(lab):
    with lab.connect() as connection:
        connection.send(request_bytes("GET", "/stream-noting?n=10000&size=65536"))
        assert connection.head().status == 200

    lab.wait_until(lambda: closed(lab) == ["stream"], 10, "close()")
    assert lab.get("/").status == 200
    assert closed(lab) == ["stream"]


def closed(lab):
    path = lab.folder / "closed"
    return path.read_text().split() if path.exists() else []


def test_pieces_of_a_stream_arrive_as_they_are_yielded(lab):
    with lab.connect() as connection:
        connection.send(request_bytes("GET", "/gated-stream?names=one,two,three"))
        connection.head()
        for name in (b"one", b"two", b"three"):
            assert connection.chunk() == name  # before the application goes on
            lab.release(name.decode())
        assert connection.chunk() == b"end"
        assert connection.chunk() == b""


def test_threads_serve_at_the_same_time_in_one_process(server):
    lab = server("lab", {"concurrency": {"threads": 3}}).start()
    connections = [lab.connect() for _ in range(3)]

    for number, connection in enumerate(connections):
        connection.send(request_bytes("GET", f"/gate?name=g{number}"))
    for number in range(3):
        lab.reached(f"g{number}")  # all three are inside the application
    for number in reversed(range(3)):
        lab.release(f"g{number}")
        pids = connections[number].response()
        assert int(pids.text) == lab.workers()[0].pid
        connections[number].close()


def test_wsgi_errors_reaches_the_log(lab):
    lab.get("/errors")

    lab.wait_log("a line for wsgi.errors")


def test_file_wrapper_sends_a_file(lab, folder):
    content = bytes(range(256)) * 12_345
    (folder / "file").write_bytes(content)

    assert lab.get(f"/file?path={folder}/file").body == content


def test_the_server_adds_date_and_server_once(lab):
    response = lab.get("/")

    assert [value for name, value in response.headers if name.lower() == "server"] == ["fettle"]
    (date,) = [value for name, value in response.headers if name.lower() == "date"]
    assert re.fullmatch(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", date)

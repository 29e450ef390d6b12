"""HTTP/1.1 as a client sees it."""

import hashlib
import json
import socket

import pytest
from devtools import http, processes
from devtools.http import Connection, chunked, request_bytes
from devtools.load import Ledger


@pytest.fixture
def lab(server):
    return server("lab").start()


def test_one_connection_carries_many_requests(lab):
    with lab.connect() as connection:
        for count in (0, 1, 1000, 100_000):
            response = connection.request("GET", f"/sized?n={count}")
            assert (response.status, len(response.body)) == (200, count)
        assert response.header("Connection", "keep-alive").lower() == "keep-alive"


def test_connection_close_is_honoured_and_announced(lab):
    with lab.connect() as connection:
        response = connection.request("GET", "/", [("Connection", "close")])
        assert response.header("Connection") == "close"
        assert connection.ended()


def test_head_gets_the_headers_of_get_and_no_body(lab):
    with lab.connect() as connection:
        response = connection.request("HEAD", "/sized?n=1234")
        assert (response.status, response.header("Content-Length")) == (200, "1234")
        assert connection.request("GET", "/").body == b"Hello, world!"  # nothing of a body in between


def test_head_of_a_stream_ends_at_once(lab):
    with lab.connect() as connection:
        assert connection.request("HEAD", "/stream?n=3&size=1000").status == 200
        assert connection.request("GET", "/").body == b"Hello, world!"


def test_a_response_without_declared_length_is_chunked(lab):
    with lab.connect() as connection:
        response = connection.request("GET", "/stream?n=5&size=1000")
        assert response.header("Transfer-Encoding") == "chunked"
        assert response.header("Content-Length") is None
        assert len(response.body) == 5000
        assert connection.request("GET", "/").status == 200


def test_http_1_0_gets_no_chunks_and_the_end_of_the_connection(lab):
    with lab.connect() as connection:
        response = connection.request("GET", "/stream?n=5&size=1000", version="HTTP/1.0")
        assert response.header("Transfer-Encoding") is None
        assert len(response.body) == 5000
        assert connection.ended()


def test_http_1_0_keeps_the_connection_if_asked(lab):
    with lab.connect() as connection:
        for _ in range(2):
            response = connection.request("GET", "/", [("Connection", "keep-alive")], version="HTTP/1.0")
            assert (response.body, response.header("Connection", "").lower()) == (b"Hello, world!", "keep-alive")


def test_204_has_neither_body_nor_length(lab):
    with lab.connect() as connection:
        response = connection.request("GET", "/no-content")
        assert response.status == 204
        assert response.header("Content-Length") is None
        assert response.header("Transfer-Encoding") is None
        assert connection.request("GET", "/").status == 200


@pytest.mark.parametrize("size", [0, 1, 65535, 65536, 65537, 1_000_000, 10_000_000])
def test_a_request_body_of_any_size_arrives_whole(lab, size):
    body = bytes(range(251)) * (size // 251 + 1)
    body = body[:size]
    expected = f"{size} {hashlib.sha256(body).hexdigest()}"

    with lab.connect() as connection:
        assert connection.request("POST", "/hash", body=body).text == expected
        pieces = [body[start : start + 70_001] for start in range(0, size, 70_001)]
        connection.send(request_bytes("POST", "/hash", [("Transfer-Encoding", "chunked")]) + chunked(pieces))
        assert connection.response().text == expected


@pytest.mark.slow
def test_100_megabytes_go_both_ways(lab):
    size = 100 * 1024 * 1024
    block = bytes(range(256)) * 256
    digest = hashlib.sha256()

    with lab.connect(timeout=120) as connection:
        connection.send(request_bytes("POST", "/hash", [("Content-Length", str(size))]))
        for _ in range(size // len(block)):
            connection.send(block)
            digest.update(block)
        assert connection.response().text == f"{size} {digest.hexdigest()}"
        back = connection.request("GET", f"/stream?n={size // 1_048_576}&size=1048576").body
        assert hashlib.sha256(back).digest() == digest.digest()
        sized = connection.request("GET", f"/sized?n={size}").body
        assert hashlib.sha256(sized).digest() == digest.digest()


def test_pipelined_requests_are_answered_in_order_without_more_bytes(lab):
    with lab.connect() as connection:
        connection.send(b"".join(request_bytes("GET", f"/sized?n={n}") for n in (5, 0, 70_000, 1)))
        assert [len(connection.response().body) for _ in range(4)] == [5, 0, 70_000, 1]


def test_pipelined_posts_keep_their_bodies_apart(lab):
    with lab.connect() as connection:
        connection.send(
            b"".join(request_bytes("POST", "/echo", body=body) for body in (b"first", b"", b"third" * 20_000))
        )
        assert [connection.response().body for _ in range(3)] == [b"first", b"", b"third" * 20_000]


def test_a_request_may_arrive_byte_by_byte(lab):
    with lab.connect() as connection:
        for byte in request_bytes("POST", "/echo", [("X-Slow", "yes")], b"body"):
            connection.send(bytes([byte]))
        assert connection.response().body == b"body"


def test_expect_100_continue_is_answered_before_the_body_is_sent(lab):
    with lab.connect() as connection:
        connection.send(request_bytes("POST", "/echo", [("Expect", "100-continue"), ("Content-Length", "4")]))
        assert connection.head().status == 100
        connection.send(b"body")
        assert connection.response().body == b"body"


def test_an_unread_body_does_not_disturb_the_next_request(lab):
    with lab.connect() as connection:
        assert connection.request("POST", "/ignore-body", body=b"x" * 200_000).text == "not read"
        assert connection.request("GET", "/").status == 200


def test_every_kind_of_bind_is_served_at_once(server, folder):
    lab = server("lab", {"listen": {"bind": ["127.0.0.1:0", "[::1]:0", f"unix:{folder}/lab.sock"]}}).start()
    ipv6_port = lab.ports()[1]

    assert lab.get("/").status == 200
    assert http.get(("::1", ipv6_port), "/").status == 200
    with Connection(f"{folder}/lab.sock") as connection:
        env = json.loads(connection.request("GET", "/environ").body)
    assert env["REMOTE_ADDR"] == ""


def test_a_client_that_closes_its_sending_side_has_left(lab):
    """It looks the same as a closed connection; nothing is sent to it and its worker is free again."""
    with lab.connect() as connection:
        connection.send(request_bytes("GET", "/stream-noting?n=100000&size=65536"))
        connection.head()
        connection.socket.shutdown(socket.SHUT_WR)
        lab.wait_until((lab.folder / "closed").exists, 10, "the abandoned stream to be closed")
    assert lab.get("/").status == 200


BAD_REQUESTS = {
    "no such grammar": (b"\x16\x03\x01 nonsense\r\n\r\n", 400),
    "no host": (b"GET / HTTP/1.1\r\n\r\n", 400),
    "two hosts": (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
    "space before the colon": (b"GET / HTTP/1.1\r\nHost: a\r\nX-A : b\r\n\r\n", 400),
    "bare line feeds": (b"GET / HTTP/1.1\nHost: a\n\n", 400),
    "folded header": (b"GET / HTTP/1.1\r\nHost: a\r\nX-A: b\r\n c\r\n\r\n", 400),
    "length and chunked": (
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        400,
    ),
    "two lengths": (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", 400),
    "negative length": (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", 400),
    "unknown coding": (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 400),
    "bad chunk size": (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", 400),
    "unknown version": (b"GET / HTTP/3.7\r\nHost: a\r\n\r\n", 505),
    "long request line": (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414),
    "many headers": (
        b"GET / HTTP/1.1\r\nHost: a\r\n" + b"".join(b"X-%d: a\r\n" % n for n in range(150)) + b"\r\n",
        431,
    ),
    "large headers": (b"GET / HTTP/1.1\r\nHost: a\r\nX-Large: " + b"a" * 40_000 + b"\r\n\r\n", 431),
}


@pytest.mark.parametrize("name", BAD_REQUESTS)
def test_a_bad_request_gets_its_status_a_reason_in_the_log_and_the_end_of_the_connection(lab, name):
    data, status = BAD_REQUESTS[name]
    lab.expect_log(rf"request failed status={status} reason='.+' client=127\.0\.0\.1 .*request_id=")

    with lab.connect() as connection:
        connection.send(data)
        response = connection.response()
        assert response.status == status
        assert response.header("Connection") == "close"
        assert connection.ended()

    assert lab.get("/").status == 200


def test_a_body_over_the_limit_gets_413(server):
    lab = server("lab", {"http": {"max_body_bytes": 1000}}).start()
    lab.allow_log("status=413")

    with lab.connect() as connection:
        assert connection.request("POST", "/hash", body=b"x" * 1000).status == 200
        connection.send(request_bytes("POST", "/hash", [("Content-Length", "1001")]))
        assert connection.response().status == 413
    with lab.connect() as connection:
        connection.send(request_bytes("POST", "/hash", [("Transfer-Encoding", "chunked")]) + b"7d0\r\n" + b"x" * 2000)
        assert connection.response().status == 413


def test_an_idle_connection_is_closed_after_keep_alive(server):
    lab = server("lab", {"timeouts": {"keep_alive": 0.2}}).start()

    with lab.connect(timeout=5) as connection:
        assert connection.request("GET", "/").status == 200
        assert connection.ended()


def test_a_head_that_does_not_become_complete_gets_408(server):
    lab = server("lab", {"timeouts": {"header": 0.2}}).start()
    lab.allow_log("status=408")

    with lab.connect(timeout=5) as connection:
        connection.send(b"GET / HTTP/1.1\r\nHost: a\r\n")
        assert connection.response().status == 408
        assert connection.ended()


def test_a_body_that_stops_coming_gets_408(server):
    lab = server("lab", {"timeouts": {"body": 0.2}}).start()
    lab.allow_log("status=408")

    with lab.connect(timeout=5) as connection:
        connection.send(request_bytes("POST", "/hash", [("Content-Length", "100")]) + b"only this")
        assert connection.response().status == 408
        assert connection.ended()


def test_requests_that_wait_too_long_for_a_worker_get_503_with_retry_after(server):
    lab = server("lab", {"queue": {"timeout": 0.3}}).start()
    lab.allow_log("status=503", "queue")

    with lab.connect() as busy, lab.connect() as waiting:
        busy.send(request_bytes("GET", "/gate?name=hold"))
        lab.reached("hold")
        response = waiting.request("GET", "/")
        assert response.status == 503
        assert int(response.header("Retry-After")) >= 1
        lab.release("hold")
        assert busy.response().status == 200


def test_a_full_queue_answers_503_at_once_and_recovers(server):
    lab = server("lab", {"queue": {"max_length": 2}}).start()
    lab.allow_log("status=503", "queue")
    connections = [lab.connect() for _ in range(3)]

    connections[0].send(request_bytes("GET", "/gate?name=hold"))
    lab.reached("hold")
    for connection in connections[1:]:
        connection.send(request_bytes("GET", "/"))
    lab.wait_until(lambda: queue_is_full(lab), 5, "the queue to be full")
    lab.release("hold")

    assert [connection.response().status for connection in connections] == [200, 200, 200]


def queue_is_full(lab):
    """One more request is turned away."""
    with lab.connect(timeout=1) as probe:
        try:
            return probe.request("GET", "/").status == 503
        except TimeoutError:
            return False


def test_a_client_that_leaves_while_it_waits_takes_its_request_with_it(lab):
    busy = lab.connect()
    busy.send(request_bytes("GET", "/gate?name=hold"))
    lab.reached("hold")
    before = open_sockets(lab)
    leaver = lab.connect()
    leaver.send(request_bytes("GET", "/work?number=1"))
    lab.wait_until(lambda: open_sockets(lab) == before + 1, 5, "the leaver's connection")
    leaver.close()
    lab.wait_until(lambda: open_sockets(lab) == before, 5, "the leaver's connection to be closed")
    lab.release("hold")

    assert busy.response().status == 200
    assert lab.get("/work?number=2").text == "2"
    assert Ledger(lab.folder / "ledger").started() == {2: 1}


def open_sockets(lab):
    return sum(target.startswith("socket:") for target in processes.descriptors(lab.balancer().pid).values())

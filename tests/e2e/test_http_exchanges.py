"""What a client and the application may rely on beyond the parsing of requests: 100 Continue, upgrades, half-closed
connections, pipelining, and responses that keep to the rules whatever the application says."""

import socket

import pytest
from devtools.http import ConnectionEnded, request_bytes
from devtools.waiting import holds_for


@pytest.fixture
def lab(server):
    return server("rules").start()


EXPECT = [("Expect", "100-continue")]


def quiet(connection, seconds=0.3):
    """True if nothing comes for that long."""
    connection.socket.setblocking(False)
    try:
        return holds_for(lambda: not readable(connection), seconds)
    finally:
        connection.socket.settimeout(20)


def readable(connection):
    try:
        return connection.socket.recv(1, socket.MSG_PEEK) is not None
    except BlockingIOError:
        return False


# ---- 100 Continue


@pytest.mark.parametrize("size", [5, 1_000_000])
def test_a_client_is_told_to_continue_when_the_application_reads(lab, size):
    with lab.connect() as connection:
        connection.send(request_bytes("POST", "/gated-count", [*EXPECT, ("Content-Length", str(size))]))
        lab.reached("reads")
        assert quiet(connection)
        lab.release("reads")
        assert connection.head().status == 100
        connection.send(b"x" * size)
        assert connection.response().text == str(size)
        assert connection.request("GET", "/").status == 200


def test_an_application_that_does_not_read_spares_the_client_its_body(lab):
    with lab.connect() as connection:
        connection.send(request_bytes("POST", "/refuse", [*EXPECT, ("Content-Length", "1000000")]))
        response = connection.head()
        assert response.status == 401
        assert response.header("Connection") == "close"
        assert connection.until_end() == b"who are you?"


def test_a_body_that_is_too_large_is_refused_unseen(server):
    lab = server("rules", {"http": {"max_body_bytes": 100}}).start()
    lab.expect_log("request failed status=413")

    with lab.connect() as connection:
        connection.send(request_bytes("POST", "/count", [*EXPECT, ("Content-Length", "101")]))
        assert connection.head().status == 413


def test_the_time_for_a_body_begins_when_it_is_asked_for(server):
    lab = server("rules", {"timeouts": {"body": 0.2}}).start()
    lab.expect_log("request failed status=408")

    with lab.connect() as connection:
        connection.send(request_bytes("POST", "/gated-count", [*EXPECT, ("Content-Length", "5")]))
        lab.reached("reads")
        assert quiet(connection, 0.6)
        lab.release("reads")
        assert connection.head().status == 100
        assert connection.response().status == 408


def test_a_client_that_does_not_wait_is_not_told_to(lab):
    with lab.connect() as connection:
        connection.send(request_bytes("POST", "/count", EXPECT, b"12345"))
        response = connection.head()
        assert response.status == 200
        assert response.header("Content-Length") == "1"


# ---- upgrades


@pytest.mark.parametrize(
    "headers",
    [
        [("Upgrade", "h2c"), ("Connection", "Upgrade, HTTP2-Settings"), ("HTTP2-Settings", "AAMAAABkAAQAoAAAAAIAAAAA")],
        [
            ("Upgrade", "websocket"),
            ("Connection", "keep-alive, Upgrade"),
            ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
            ("Sec-WebSocket-Version", "13"),
        ],
    ],
    ids=["h2c", "websocket"],
)
def test_a_wish_to_upgrade_is_served_as_plain_http(lab, headers):
    with lab.connect() as connection:
        assert connection.request("POST", "/count", headers, b"12345").text == "5"
        assert connection.request("GET", "/", headers).status == 200


def test_an_application_that_switches_protocols_gets_an_error(lab):
    lab.expect_log("is not the status of a final response", "Traceback", "request failed status=500")

    with lab.connect() as connection:
        assert connection.request("GET", "/switch", [("Upgrade", "x"), ("Connection", "Upgrade")]).status == 500
        assert connection.request("GET", "/").status == 200


@pytest.mark.parametrize(
    ("greeting", "status", "reason"),
    [
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, "Only HTTP/1"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n", 400, "The client speaks TLS"),
    ],
    ids=["HTTP/2", "TLS"],
)
def test_other_protocols_are_told_what_is_spoken_here(lab, greeting, status, reason):
    lab.expect_log(rf"request failed status={status} reason='{reason}")

    with lab.connect() as connection:
        connection.send(greeting)
        assert connection.response().status == status
        assert connection.ended()


# ---- ends of connections


def test_a_client_that_closes_its_side_gets_its_answers_if_the_server_is_told_so(server):
    lab = server("rules", {"http": {"half_close": "answer"}}).start()

    with lab.connect() as connection:
        connection.send(request_bytes("GET", "/gate?name=first") + request_bytes("POST", "/count", body=b"12"))
        connection.socket.shutdown(socket.SHUT_WR)
        lab.reached("first")
        assert quiet(connection)
        lab.release("first")
        assert connection.response().status == 200
        response = connection.response()
        assert (response.text, response.header("Connection")) == ("2", "close")
        assert connection.ended()


def test_many_pipelined_requests_with_bodies_are_answered_in_order_without_further_bytes(lab):
    with lab.connect() as connection:
        connection.send(
            b"".join(
                request_bytes("POST", f"/count?{number}", body=b"x" * (number * 37 % 5000))
                if number % 3
                else request_bytes("GET", f"/count?{number}")
                for number in range(200)
            )
        )
        for number in range(200):
            assert connection.response().text == str(number * 37 % 5000 if number % 3 else 0)
        assert connection.request("GET", "/").status == 200


@pytest.mark.parametrize(
    ("version", "headers", "stays"),
    [
        ("HTTP/1.1", [], True),
        ("HTTP/1.1", [("Connection", "close")], False),
        ("HTTP/1.0", [], False),
        ("HTTP/1.0", [("Connection", "keep-alive")], True),
    ],
)
def test_the_connection_stays_as_the_client_wishes(lab, version, headers, stays):
    with lab.connect() as connection:
        response = connection.request("GET", "/", headers, version=version)
        wanted = {("HTTP/1.0", True): "keep-alive", ("HTTP/1.1", True): None}.get((version, stays), "close")
        assert response.header("Connection") == wanted
        if stays:
            assert connection.request("GET", "/").status == 200
        else:
            assert connection.ended()


# ---- responses


@pytest.mark.parametrize(
    "name",
    ["Connection", "Keep-Alive", "Proxy-Authenticate", "TE", "Trailer", "Transfer-Encoding", "Upgrade", "proxy-connection"],
)
def test_hop_by_hop_headers_are_the_servers(lab, name):
    lab.expect_log("hop-by-hop", "request failed status=500")
    lab.allow_log("Traceback")

    with lab.connect() as connection:
        response = connection.request("GET", f"/header?name={name}&value=x")
        assert response.status == 500
        assert connection.request("GET", "/").status == 200


@pytest.mark.parametrize(
    "query",
    [
        "name=X&value=a%0d%0aSet-Cookie:%20b",
        "name=X&value=a%0ab",
        "name=X&value=a%00b",
        "name=X%3a&value=a",
        "name=X%0d%0aY&value=a",
        "name=&value=a",
        "status=200%20OK%0d%0aX:%20y",
    ],
)
def test_no_header_can_be_smuggled_into_a_response(lab, query):
    lab.expect_log("application error", "Traceback", "request failed status=500")

    with lab.connect() as connection:
        response = connection.request("GET", f"/header?{query}")
        assert response.status == 500
        assert response.header("Set-Cookie") is None
        assert connection.request("GET", "/").status == 200


def test_a_body_shorter_than_declared_ends_the_connection(lab):
    lab.expect_log("fewer than its Content-Length says", "Traceback|AssertionError", "request failed status=200")

    with lab.connect() as connection:
        connection.send(request_bytes("GET", "/declared?length=10&pieces=3,3"))
        with pytest.raises(ConnectionEnded) as end:
            connection.response()
        assert end.value.received == b"xxxxxx"  # what there was arrived, and it is clear that something is missing


def test_of_a_body_longer_than_declared_the_client_gets_what_was_declared(lab):
    with lab.connect() as connection:
        assert connection.request("GET", "/declared?length=4&pieces=3,3,3").body == b"xxxx"
        assert connection.request("GET", "/").status == 200


def test_the_answer_to_head_keeps_the_declared_length_and_has_no_body(lab):
    with lab.connect() as connection:
        response = connection.request("HEAD", "/declared?length=10&pieces=10")
        assert (response.status, response.header("Content-Length")) == (200, "10")
        response = connection.request("HEAD", "/declared?length=10&pieces=")
        assert (response.status, response.header("Content-Length")) == (200, "10")
        assert connection.request("GET", "/").status == 200


@pytest.mark.parametrize(("status", "has_length"), [("204 No Content", False), ("304 Not Modified", True)])
def test_statuses_without_a_body_have_none_whatever_the_application_sends(lab, status, has_length):
    with lab.connect() as connection:
        response = connection.request("GET", f"/declared?length=3&pieces=3&status={status.replace(' ', '%20')}")
        assert response.status == int(status[:3])
        assert response.header("Transfer-Encoding") is None
        assert response.header("Content-Length") == ("3" if has_length else None)
        assert connection.request("GET", "/").status == 200


def test_a_body_without_a_length_is_chunked_or_ends_the_connection(lab):
    with lab.connect() as connection:
        response = connection.request("GET", "/declared?pieces=3,3")
        assert (response.header("Transfer-Encoding"), response.body) == ("chunked", b"xxxxxx")
        connection.send(request_bytes("GET", "/declared?pieces=3,3", [("Connection", "keep-alive")], version="HTTP/1.0"))
        response = connection.head()
        assert (response.header("Transfer-Encoding"), response.header("Connection")) == (None, "close")
        assert connection.until_end() == b"xxxxxx"


# ---- headers of requests


def test_headers_with_an_underscore_are_refused_on_demand(server):
    lab = server("rules", {"http": {"underscore_headers": "refuse"}}).start()
    lab.expect_log("request failed status=400 reason='A header name contains an underscore")

    assert lab.get("/", [("X_User", "root")]).status == 400
    assert lab.get("/", [("X-User", "root")]).status == 200

"""Slow clients are served as long as they move; those that stop lose their connection, each with its reason."""

import select
import socket

import pytest
from devtools.http import request_bytes
from devtools.waiting import holds_for

LIMIT = 0.6  # seconds, of the time-out under test
PACE = 0.15  # between two steps of a slow client


def silent(connection):
    """True if the server neither answers nor closes while the client pauses."""
    return holds_for(lambda: not select.select([connection.socket], [], [], 0)[0], PACE)


def hung_up(connection):
    poll = select.poll()
    poll.register(connection.socket, select.POLLRDHUP)
    return bool(poll.poll(0))


def drip(connection, data):
    for byte in data:
        assert silent(connection), connection.socket.recv(1000)
        connection.send(bytes([byte]))


@pytest.mark.parametrize("stream", [False, True])
def test_a_body_may_take_longer_than_its_time_out_if_it_moves(server, stream):
    lab = server("lab", {"timeouts": {"body": LIMIT}, "http": {"stream_body": stream, "body_buffer_bytes": 0}}).start()

    with lab.connect() as connection:
        connection.send(request_bytes("POST", "/echo", [("Content-Length", "12")]))
        drip(connection, b"byte by byte")
        assert connection.response().text == "byte by byte"
        connection.send(request_bytes("POST", "/echo", [("Transfer-Encoding", "chunked")]))
        drip(connection, b"3\r\nabc\r\n0\r\n\r\n")
        assert connection.response().text == "abc"


def test_a_body_that_stops_is_answered_408(server):
    lab = server("lab", {"timeouts": {"body": LIMIT}}).start()
    lab.expect_log(r"request failed status=408 reason='the request body paused for longer than timeouts\.body'")

    with lab.connect() as connection:
        connection.send(request_bytes("POST", "/echo", [("Content-Length", "12")]))
        drip(connection, b"byte")
        assert connection.response().status == 408
        assert connection.ended()


def test_a_head_has_its_time_as_a_whole_however_it_drips(server):
    lab = server("lab", {"timeouts": {"header": LIMIT}}).start()
    lab.expect_log(r"request failed status=408 reason='the request head took longer than timeouts\.header'")

    with lab.connect() as connection:
        for byte in request_bytes("GET", "/", [("X-Slow", "x" * 100)]):
            if not silent(connection):
                break
            connection.send(bytes([byte]))
        assert connection.response().status == 408
        assert connection.ended()


def test_an_idle_connection_is_closed_in_silence(server):
    lab = server("lab", {"timeouts": {"keep_alive": 0.2, "header": 0.2}}).start()

    with lab.connect(timeout=5) as used, lab.connect(timeout=5) as never_used:
        assert used.request("GET", "/").status == 200
        assert used.ended()
        assert never_used.ended()


def slow_reader(lab, target):
    connection = lab.connect()
    connection.socket.close()
    connection.socket = socket.socket()
    connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.socket.settimeout(20)
    connection.socket.connect(lab.address)
    connection.send(request_bytes("GET", target))
    return connection


@pytest.mark.parametrize("target", ["/sized?n=8000000", "/stream?n=200&size=40000"])
def test_a_response_may_take_longer_than_its_time_out_if_the_client_takes_some(server, target):
    """The client takes far less in that time than the kernel wants to have room for before it asks for more."""
    lab = server("lab", {"timeouts": {"send": LIMIT}}).start()
    connection = slow_reader(lab, target)

    for _ in range(int(4 * LIMIT / PACE)):
        connection.buffer += connection.socket.recv(10_000)
        assert holds_for(lambda: not hung_up(connection), PACE)
    assert len(connection.response().body) == 8_000_000


def test_a_client_that_stops_taking_its_response_is_cut_off(server):
    lab = server("lab", {"timeouts": {"send": LIMIT}, "log": {"level": "debug"}}).start()
    lab.expect_log(r"reason='the client took no byte for longer than timeouts\.send'")
    connection = slow_reader(lab, "/stream-noting?n=1000&size=65536")

    lab.wait_until((lab.folder / "closed").exists, 10, "the stream to be closed")
    connection.close()
    assert lab.get("/").status == 200

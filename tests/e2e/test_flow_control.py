"""A slow client costs memory up to a limit, and never a worker before it."""

import pytest
from devtools.http import request_bytes
from devtools.waiting import holds_for, settled

MEGABYTE = 1024 * 1024


@pytest.fixture
def lab(server):
    return server("lab").start()


def slow_reader(lab, target):
    """A client that asks and then reads nothing, with the smallest receive buffer the kernel gives."""
    import socket

    connection = lab.connect()
    connection.socket.close()
    connection.socket = socket.socket()
    connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    connection.socket.settimeout(30)
    connection.socket.connect(lab.address)
    connection.send(request_bytes("GET", target))
    return connection


def progress(lab):
    path = lab.folder / "progress"
    lines = path.read_text().split() if path.exists() else []
    return int(lines[-1]) if lines else 0


def closed(lab):
    return (lab.folder / "closed").exists()


@pytest.mark.parametrize("size", [200_000, 900_000])
def test_a_response_of_up_to_a_megabyte_frees_the_worker_whatever_the_client_does(lab, size):
    slow = slow_reader(lab, f"/sized-noting?n={size}")

    lab.wait_until(lambda: closed(lab), 5, "the application to be done")
    assert lab.get("/").status == 200  # the only worker is free
    assert len(slow.response().body) == size


def test_a_larger_response_waits_for_its_reader_and_loses_nothing(lab):
    size = 40 * MEGABYTE  # more than kernel buffers take
    slow = slow_reader(lab, f"/sized-noting?n={size}")

    assert holds_for(lambda: not closed(lab), 0.5)
    assert len(slow.response().body) == size
    lab.wait_until(lambda: closed(lab), 5, "the application to be done")


def test_a_stream_runs_ahead_of_its_reader_by_a_bounded_amount(lab):
    total = 64 * MEGABYTE
    slow = slow_reader(lab, f"/stream-noting?n={total // 65536}&size=65536")
    lab.wait_until(lambda: progress(lab) > 0, 10, "the first piece")

    stalled = settled(lambda: progress(lab), 0.5, 20, "the application to stall")

    assert stalled < 16 * MEGABYTE, "256 KB of ours and what the kernel's socket buffers take"
    assert len(slow.response().body) == total


def test_a_stalled_stream_does_not_stop_other_slots(server):
    lab = server("lab", {"concurrency": {"processes": 1, "threads": 2}}).start()
    slow = slow_reader(lab, "/stream-noting?n=1024&size=65536")
    lab.wait_until(lambda: progress(lab) > 0, 10, "the first piece")

    with lab.connect() as connection:
        for _ in range(50):
            assert connection.request("GET", "/sized?n=100000").status == 200
    slow.close()
    lab.wait_until(lambda: closed(lab), 10, "the abandoned stream to be closed")


def test_a_client_that_takes_nothing_for_too_long_is_cut_off(server):
    lab = server("lab", {"timeouts": {"send": 0.5}}).start()
    lab.allow_log("send|client")
    slow = slow_reader(lab, "/stream-noting?n=1024&size=65536")

    lab.wait_until(lambda: closed(lab), 10, "the stream to be closed")
    assert lab.get("/").status == 200
    slow.close()


def test_many_streams_at_once_keep_their_bytes_apart(server):
    lab = server("lab", {"concurrency": {"processes": 2, "threads": 4}}).start()
    connections = [lab.connect() for _ in range(16)]

    for number, connection in enumerate(connections):
        connection.send(request_bytes("GET", f"/sized?n={number * 50_021}"))
    block = bytes(range(256)) * 256
    for number, connection in enumerate(connections):
        size = number * 50_021
        assert connection.response().body == (block * (size // 65536 + 1))[:size]
        connection.close()

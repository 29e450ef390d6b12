"""wire.py says what ipc/control.h says."""

import os
import socket
import struct

import pytest


def messages():
    from fettle import wire

    return {
        "Hello": wire.hello(3, 7),
        "ZygoteReady": wire.zygote_ready(2, 15, "CPython"),
        "LoadFailed": wire.load_failed(wire.Stage.IMPORT, "why"),
        "ForkFailed": wire.fork_failed(3, 7, 11),
    }


def test_types_and_sizes_are_those_of_the_structs():
    from fettle import _fettle

    packed = {name: (struct.unpack_from("=HHHH", message)[2], len(message)) for name, message in messages().items()}

    assert packed == _fettle.wire_layout()


def test_every_message_has_the_header():
    for message in messages().values():
        magic, version, _, reserved = struct.unpack_from("=HHHH", message)
        assert (magic, version, reserved) == (0xFE77, 1, 0)


def test_fields_follow_the_header():
    sent = messages()

    assert struct.unpack_from("=II", sent["Hello"], 8) == (3, 7)
    assert struct.unpack_from("=IIi", sent["ForkFailed"], 8) == (3, 7, 11)
    assert struct.unpack_from("=III7s", sent["ZygoteReady"], 8) == (2, 15, 7, b"CPython")
    assert struct.unpack_from("=II3s", sent["LoadFailed"], 8) == (2, 3, b"why")


def test_of_a_long_text_the_end_is_kept_in_whole_characters():
    from fettle import wire

    message = wire.load_failed(wire.Stage.IMPORT, "\u00e9" * wire.TEXT_BYTES + "end")
    length = struct.unpack_from("=II", message, 8)[1]
    text = message[16 : 16 + length]

    assert length == wire.TEXT_BYTES - 1
    assert text.endswith(b"end")
    assert text.decode().startswith("\u00e9")


def test_text_that_is_no_unicode_is_escaped():
    from fettle import wire

    assert b"caf\\udce9" in wire.load_failed(wire.Stage.IMPORT, "caf\udce9")


def test_a_message_is_one_packet_and_a_missing_supervisor_is_no_exception():
    from fettle import wire

    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        for message in messages().values():
            assert wire.send(ours.fileno(), message)
            assert theirs.recv(1 << 16) == message
        theirs.close()
        assert not wire.send(ours.fileno(), wire.hello(1, 1))


def test_a_closed_descriptor_is_a_bug_and_raises():
    from fettle import wire

    fd = os.open(os.devnull, os.O_RDONLY)
    os.close(fd)
    with pytest.raises(OSError):
        wire.send(fd, wire.hello(1, 1))

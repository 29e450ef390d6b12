"""Control messages that Python itself sends to the supervisor: ipc/control.h is the contract, a test compares the two.

They must work without the extension, so that "no runtime for this interpreter" can be said at all.
"""

import enum
import os
import struct

_HEADER = struct.Struct("=HHHH")  # magic, version, type, reserved
_MAGIC = 0xFE77
_VERSION = 1

TEXT_BYTES = 16 * 1024
_TEXT = f"I{TEXT_BYTES}s"  # length, bytes


class Type(enum.IntEnum):
    ZYGOTE_READY = 2
    LOAD_FAILED = 3
    FORK_FAILED = 4
    HELLO = 5


class Stage(enum.IntEnum):
    """How far loading came (ipc::LoadStage)."""

    RUNTIME = 1
    IMPORT = 2
    ATTRIBUTE = 3
    THREADS = 4


_ZYGOTE_READY = struct.Struct("=II" + _TEXT)  # tasks, import_ms, text
_LOAD_FAILED = struct.Struct("=I" + _TEXT)  # stage, text
_FORK_FAILED = struct.Struct("=IIi")  # seat, incarnation, errno
_HELLO = struct.Struct("=II")  # seat, incarnation


def zygote_ready(tasks, import_ms, text):
    return _message(Type.ZYGOTE_READY, _ZYGOTE_READY, tasks, min(import_ms, 0xFFFFFFFF), *_text(text))


def load_failed(stage, text):
    return _message(Type.LOAD_FAILED, _LOAD_FAILED, stage, *_text(text))


def fork_failed(seat, incarnation, error):
    return _message(Type.FORK_FAILED, _FORK_FAILED, seat, incarnation, error)


def hello(seat, incarnation):
    return _message(Type.HELLO, _HELLO, seat, incarnation)


def send(fd, message):
    """Sends one message. The kernel adds our pid. False: the supervisor is gone."""
    try:
        os.write(fd, message)  # a SOCK_SEQPACKET socket: one write is one message
    except (BrokenPipeError, ConnectionResetError):
        return False
    return True


def _message(kind, body, *values):
    return _HEADER.pack(_MAGIC, _VERSION, kind, 0) + body.pack(*values)


def _text(text):
    """Length and bytes of a ControlText. The end of a text that is too long is kept: in a traceback it says what happened."""
    data = text.encode("utf-8", "backslashreplace")
    if len(data) > TEXT_BYTES:
        data = data[-TEXT_BYTES:].decode("utf-8", "ignore").encode()  # not from the middle of a character
    return len(data), data

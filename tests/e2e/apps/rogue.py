"""An application that forges what its own worker writes for the balancer: /attack/NAME runs one of ATTACKS. Everything
else is well-behaved: 3 ms of work, and the worker's pid for an answer.

It finds the response file of its worker in /proc/self/maps, mapped for writing as a bug in a C extension would find it.
The layout is that of ipc/layout.h.
"""

import ctypes
import json
import os
import random
import re
import socket
import stat
import struct
import time

PAGE, RING, ARENA = 4096, 256, 2 * (1024 + 128) * 1024
LANES = 2  # one slot and one spare
PUBLISHED, CONSUMED, STATES, DESCRIPTORS = 0, 64, 128, 128 + 8 * RING
ARENA_AT = (DESCRIPTORS + 32 * RING + PAGE - 1) // PAGE * PAGE
HEAD, BODY, CLAIMED = 1, 2, 1
LAST = 1


class Channel:
    """The response channel of the first lane."""

    def __init__(self):
        with open("/proc/self/maps", encoding="ascii") as maps:
            found = re.search(r"^([0-9a-f]+)-\S+ rw-s .*memfd:fettle-rsp-", maps.read(), re.MULTILINE)
        self.at = int(found[1], 16) + PAGE + (LANES * 256 + PAGE - 1) // PAGE * PAGE

    def read(self, offset, form):
        return struct.unpack(form, ctypes.string_at(self.at + offset, struct.calcsize(form)))

    def write(self, offset, data):
        ctypes.memmove(self.at + offset, data, len(data))

    @property
    def published(self):
        return self.read(PUBLISHED, "Q")[0]

    @published.setter
    def published(self, count):
        self.write(PUBLISHED, struct.pack("Q", count % 2**64))

    def my_request(self):
        """(sequence, index) of the request that runs."""
        words = self.read(STATES, f"{RING}Q")
        return next((word >> 8 & 0xFFFFFFFF, index) for index, word in enumerate(words) if word & 0xFF == CLAIMED)

    def publish(self, kind, flags, offset, length, request=None):
        sequence, index = request or self.my_request()
        descriptor = struct.pack("IHBBIIQQ", sequence, index, kind, flags, offset, length, 0, 0)
        self.write(DESCRIPTORS + self.published % RING * 32, descriptor)
        self.published += 1


def record(status=200, headers=(), body=b""):
    text = b"".join(name + value for name, value in headers)
    sizes = b"".join(struct.pack("II", len(name), len(value)) for name, value in headers)
    return struct.pack("HHIII", status, len(headers), 0, len(text), len(body)) + sizes + text + body


def random_bytes(channel):
    channel.write(0, random.randbytes(ARENA_AT + 65536))


def forward(channel):
    channel.published += 1000


def back(channel):
    channel.published -= 1


def replay(channel):
    last = (channel.published - 1) % RING  # the end of the request before this one
    channel.write(
        DESCRIPTORS + channel.published % RING * 32, ctypes.string_at(channel.at + DESCRIPTORS + last * 32, 32)
    )
    channel.published += 1


def foreign_request(channel):
    sequence, index = channel.my_request()
    channel.publish(BODY, LAST, 0, 1, (sequence + 1, index))


def oversize(channel):
    channel.publish(BODY, LAST, 64, ARENA)


def flood(channel):
    channel.write(ARENA_AT, record())
    channel.publish(HEAD, 0, 0, 16)
    channel.publish(BODY, 0, 0, ARENA)


def header_injection(channel):
    head = record(headers=[(b"X-A", b"b\r\nSet-Cookie: stolen=1")])
    channel.write(ARENA_AT, head)
    channel.publish(HEAD, LAST, 0, len(head))


def damaged_record(channel):
    head = bytearray(record(headers=[(b"X-A", b"b")], body=b"body"))
    head[8:12] = struct.pack("I", 2**32 - 1)
    channel.write(ARENA_AT, bytes(head))
    channel.publish(HEAD, LAST, 0, len(head))


def punch(_):
    """Frees the pages of the response file, which then read as zeros."""
    libc = ctypes.CDLL(None, use_errno=True)
    keep_size_and_punch = 3
    for fd, name in memory_files():
        if "fettle-rsp" in name:
            size = os.fstat(fd).st_size
            libc.fallocate(fd, keep_size_and_punch, ctypes.c_long(0), ctypes.c_long(size))


ATTACKS = {
    attack.__name__: attack
    for attack in (
        random_bytes,
        forward,
        back,
        replay,
        foreign_request,
        oversize,
        flood,
        header_injection,
        damaged_record,
        punch,
    )
}


def descriptors():
    for name in os.listdir("/proc/self/fd"):
        try:
            yield int(name), os.readlink(f"/proc/self/fd/{name}")
        except OSError:
            continue  # that of the listing itself


def memory_files():
    return [(fd, name) for fd, name in descriptors() if name.startswith("/memfd:fettle-re") or "fettle-rsp" in name]


def ring_the_balancer():
    """Its bell is the one eventfd among those beside the memory files, of which a worker has several."""
    response_file = min(fd for fd, name in memory_files())
    bell = min(fd for fd, name in descriptors() if "[eventfd]" in name and fd > response_file)
    os.write(bell, struct.pack("Q", 1))


def attack(name):
    ATTACKS[name](Channel())
    ring_the_balancer()
    time.sleep(30)  # it does not come back from here


def try_to_resize():
    """{file: {what was tried: errno's name, or "allowed"}}"""
    tried = {}
    for fd, name in memory_files():
        outcomes = tried.setdefault(name.split(" ")[0], {})
        for what, call in {
            "shrink": lambda fd=fd: os.ftruncate(fd, 0),
            "grow": lambda fd=fd: os.ftruncate(fd, os.fstat(fd).st_size + PAGE),
            "write": lambda fd=fd: os.pwrite(fd, b"", 0) and None if "rsp" in name else os.pwrite(fd, b"x", 0),
        }.items():
            try:
                call()
                outcomes[what] = "allowed"
            except OSError as error:
                outcomes[what] = os.strerror(error.errno)
    return tried


def speak_to_the_supervisor(say):
    """Calls say(socket) with the worker's control socket."""
    for fd, name in list(descriptors()):
        if not name.startswith("socket:") or not stat.S_ISSOCK(os.fstat(fd).st_mode):
            continue
        with socket.socket(fileno=os.dup(fd)) as candidate:
            if candidate.family == socket.AF_UNIX and candidate.type & socket.SOCK_SEQPACKET == socket.SOCK_SEQPACKET:
                say(candidate)
    time.sleep(30)


def garbage(control):
    control.send(struct.pack("HHHH", 0xFE77, 1, 21, 0) + bytes(64))  # a message of the supervisor's own


def many_descriptors(control):
    socket.send_fds(control, [struct.pack("HHHH", 0xFE77, 1, 6, 0) + bytes(8)], [0] * 200)


def application(environ, start_response):
    path = environ["PATH_INFO"]
    if path.startswith("/attack/"):
        attack(path.removeprefix("/attack/"))
    if path == "/garbage":
        speak_to_the_supervisor(garbage)
    if path == "/descriptors":
        speak_to_the_supervisor(many_descriptors)
    time.sleep(0.003)
    body = json.dumps(try_to_resize() if path == "/resize" else os.getpid()).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]

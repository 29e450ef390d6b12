"""Sends many byte sequences over many connections at once, each cut into pieces that the server provably reads one by
one: a piece is sent only when the server's end of the connection holds no unread byte, which the kernel tells
(sock_diag(7)). So nothing sleeps, and no two pieces melt into one read.

Every connection has its own source address out of 127/8: the application sees it as REMOTE_ADDR, whatever the request
says.
"""

import contextlib
import itertools
import os
import random
import selectors
import socket
import struct
import time

import strict_responses
from http_case import AWAIT_CONTINUE
from strict_responses import Incomplete, OnlyInterim, Violation

PROBE = b"GET /probe HTTP/1.1\r\nHost: probe\r\nConnection: close\r\n\r\n"

_SOCK_DIAG_BY_FAMILY = 20
_NETLINK_SOCK_DIAG = 4
_NLMSG_ERROR = 2


class ReceiveQueues:
    """How many bytes the owner of one end of a TCP connection of this machine has not read yet."""

    def __init__(self):
        self._netlink = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_SOCK_DIAG)

    def close(self):
        self._netlink.close()

    def unread(self, end, peer):
        """0 also if that end is closed. `end` and `peer` are (address, port)."""
        identity = struct.pack(
            "!HH16s16s", end[1], peer[1], socket.inet_aton(end[0]), socket.inet_aton(peer[0])
        ) + struct.pack("=III", 0, 0xFFFFFFFF, 0xFFFFFFFF)
        request = struct.pack("=BBBBI", socket.AF_INET, socket.IPPROTO_TCP, 0, 0, 0xFFFFFFFF) + identity
        self._netlink.send(struct.pack("=IHHII", 16 + len(request), _SOCK_DIAG_BY_FAMILY, 1, 1, 0) + request)
        answer = self._netlink.recv(4096)
        if struct.unpack_from("=H", answer, 4)[0] == _NLMSG_ERROR:
            error = -struct.unpack_from("=i", answer, 16)[0]
            if error == 2:  # ENOENT
                return 0
            raise OSError(error, f"sock_diag: {os.strerror(error)}")
        return struct.unpack_from("=I", answer, 16 + 4 + 48 + 4)[0]


def cut(wire, sizes):
    """The pieces of a wire; sizes() is how long the next one may be."""
    pieces = []
    for part in wire:
        if part is AWAIT_CONTINUE:
            pieces.append(part)
            continue
        at = 0
        while at < len(part):
            size = max(1, sizes())
            pieces.append(part[at : at + size])
            at += size
    return pieces


def whole(case):
    return cut(case.wire, lambda: len(case.bytes))


def byte_by_byte(case):
    return cut(case.wire, lambda: 1)


def random_cuts(largest, seed):
    """Cuts that depend on the seed and the case alone."""

    def cuts(case):
        chance = random.Random(f"{seed} {largest} {case.name}")
        return cut(case.wire, lambda: chance.randint(1, largest))

    return cuts


class Exchange:
    """One case on one connection, and what came of it."""

    def __init__(self, case, pieces, address, source):
        self.case = case
        self.source = source
        self.responses = []
        self.problem = ""  # what the server may not do
        self.rest = b""  # behind the last response
        self.ended = False  # the server has closed its side
        self.probed = False
        self._pieces = list(pieces)
        self._received = b""
        self._reader_at = 0
        self._broken = False  # nothing can be sent any more
        self.socket = socket.socket()
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.bind((source, 0))
        self.socket.connect(address)
        self.socket.setblocking(False)
        self._here, self._there = self.socket.getsockname(), address

    # ---- sending

    def advance(self, queues):
        """Sends the next piece if the server has read the one before. True if anything happened."""
        if not self._pieces or self._broken:
            return False
        if self._pieces[0] is AWAIT_CONTINUE:
            if not self._told_to_continue() and not self.ended:
                return False
            self._pieces.pop(0)
            return True
        if queues.unread(self._there, self._here) > 0:
            return False
        try:
            sent = self.socket.send(self._pieces[0])
        except BlockingIOError:
            return False
        except ConnectionError:
            self._broken = True
            return True
        self._pieces[0] = self._pieces[0][sent:]
        if not self._pieces[0]:
            self._pieces.pop(0)
            if not self._pieces:
                self._all_sent()
        return True

    def _told_to_continue(self):
        return self._received.startswith(b"HTTP/1.1 100 ", self._reader_at) or self.responses

    def _all_sent(self):
        """Behind the case: another request where the connection stays, the client's end where one is cut off."""
        if self.probed or len(self.responses) < len(self.case.requests):
            return
        if self.case.ending == "open":
            self.probed = True
            self._pieces.append(PROBE)
        elif self.case.ending == "silence":
            with contextlib.suppress(OSError):  # the server may have gone
                self.socket.shutdown(socket.SHUT_WR)

    # ---- receiving

    def receive(self):
        try:
            data = self.socket.recv(65536)
        except ConnectionError as error:
            self.problem = self.problem or f"the connection was reset: {error}"
            data = b""
        self.ended = self.ended or not data
        self._received += data
        self._read_responses()
        if not self._pieces and not self._broken:
            self._all_sent()

    def _read_responses(self):
        while not self.problem:
            reader = strict_responses.Reader(self._received)
            reader.at = self._reader_at
            if not reader.rest:
                break
            try:
                self.responses.append(reader.response(self._answers_head(), self.ended))
            except Incomplete as error:
                if self.ended and self.case.ending == "silence" and isinstance(error, OnlyInterim):
                    self._reader_at = reader.at  # it was told to continue, and left
                elif self.ended:
                    self.problem = f"cut off: {error}"
                break
            except Violation as error:
                self.problem = f"violates HTTP: {error}"
                break
            self._reader_at = reader.at
        self.rest = self._received[self._reader_at :]

    def _answers_head(self):
        index = len(self.responses)
        if index < len(self.case.requests):
            return self.case.requests[index].method == "HEAD"
        return self.case.bodiless and index == len(self.case.requests)

    @property
    def done(self):
        return self.ended and (not self._pieces or self._broken)

    def state(self):
        received = self._received[-200:]
        return f"{len(self._pieces)} pieces to send, {len(self.responses)} responses, received {received!r}"


def source_addresses():
    """127.1.0.1, 127.1.0.2, ..."""
    numbers = itertools.product(range(1, 255), range(256), range(1, 255))
    return (f"127.{high}.{middle}.{low}" for high, middle, low in numbers)


def run(address, cases, cuts, sources, timeout=120, at_once=200):
    """Sends every case, cut by cuts(case); returns the exchanges. What is not over in time has a problem."""
    exchanges = []
    queues = ReceiveQueues()
    try:
        for start in range(0, len(cases), at_once):
            batch = [Exchange(case, cuts(case), address, next(sources)) for case in cases[start : start + at_once]]
            exchanges += batch
            _run_batch(batch, queues, time.monotonic() + timeout)
    finally:
        queues.close()
    return exchanges


def _run_batch(batch, queues, deadline):
    with selectors.DefaultSelector() as selector:
        running = set(batch)
        for exchange in batch:
            selector.register(exchange.socket, selectors.EVENT_READ, exchange)
        while running and time.monotonic() < deadline:
            moved = [exchange.advance(queues) for exchange in running]
            # Where nothing could be sent, either bytes come, or the server reads and leaves: both within a moment.
            for key, _ in selector.select(0 if any(moved) else 0.001):
                key.data.receive()
                if key.data.ended:
                    selector.unregister(key.fileobj)
            running = {exchange for exchange in running if not exchange.done}
        for exchange in running:
            exchange.problem = f"not over in time: {exchange.problem} {exchange.state()}"
    for exchange in batch:
        exchange.socket.close()

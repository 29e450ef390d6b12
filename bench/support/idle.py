#!/usr/bin/env python3
"""Keep-alive connections that have done one request each and then do nothing, held by a process of their own.

The process is this file: idle.py PORT COUNT. It prints how many connections it has opened, waits for the end of its
standard input, and prints how many of them the server still holds open.
"""

import re
import resource
import socket
import subprocess
import sys
from pathlib import Path

REQUEST = b"GET / HTTP/1.1\r\nHost: idle\r\n\r\n"
OPEN_SECONDS = 120  # at most, for all of them


class IdleConnections:
    """Opens them, each with one answered request, and closes them at the end of the block."""

    def __init__(self, port, count, cpu):
        self._count = count
        command = ["taskset", "-c", cpu, sys.executable, Path(__file__), str(port), str(count)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if self._process.stdout.readline() != f"{count}\n":
            self._process.kill()
            self._process.wait()
            raise RuntimeError(f"could not open {count} connections")

    def close(self):
        """Raises if the server has closed any of them meanwhile."""
        alive, _ = self._process.communicate(timeout=60)
        if alive != f"{self._count}\n":
            raise RuntimeError(f"of {self._count} idle connections the server kept {alive.strip() or 'none'}")


def exchange(connection):
    """One request, and its whole response."""
    connection.sendall(REQUEST)
    received = b""
    while True:
        more = connection.recv(65536)
        if not more:
            raise ConnectionError("closed in the middle of a response")
        received += more
        head, separator, body = received.partition(b"\r\n\r\n")
        if separator and len(body) >= int(re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)[1]):
            return


def is_open(connection):
    connection.setblocking(False)
    try:
        return connection.recv(1, socket.MSG_PEEK) != b""
    except BlockingIOError:
        return True
    except OSError:
        return False


def raise_descriptor_limit(wanted):
    """Of this process and its children to come: at least `wanted`, if the hard limit allows it or we may raise it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, max(hard, wanted)))


def main():
    port, count = map(int, sys.argv[1:])
    raise_descriptor_limit(count + 100)
    connections = []
    for _ in range(count):
        connection = socket.create_connection(("127.0.0.1", port), timeout=OPEN_SECONDS)
        connections.append(connection)
        exchange(connection)
    print(len(connections), flush=True)
    sys.stdin.read()
    print(sum(map(is_open, connections)), flush=True)


if __name__ == "__main__":
    main()

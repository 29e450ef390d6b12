"""Idle connections against a server that keeps them, and one that does not."""

import socketserver
import threading

import pytest

from support.idle import IdleConnections

RESPONSE = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"


class Keeping(socketserver.BaseRequestHandler):
    def handle(self):
        while self.request.recv(4096):
            self.request.sendall(RESPONSE)


class Leaving(socketserver.BaseRequestHandler):
    def handle(self):
        self.request.recv(4096)
        self.request.sendall(RESPONSE)


@pytest.fixture
def serve():
    servers = []

    def start(handler):
        server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, args=(0.01,)).start()
        servers.append(server)
        return server.server_address[1]

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def test_they_are_all_open_until_closed(serve):
    IdleConnections(serve(Keeping), 20, cpu="0").close()


def test_a_server_that_closes_them_is_found_out(serve):
    connections = IdleConnections(serve(Leaving), 20, cpu="0")
    with pytest.raises(RuntimeError, match="of 20 idle connections the server kept"):
        connections.close()

"""An HTTP/1.1 client that hides nothing: bytes out, one response in. For tests and load only."""

import socket
from dataclasses import dataclass, field


class ConnectionEnded(Exception):
    """The server closed (or reset) the connection before the response was complete; `received` is what came."""

    def __init__(self, received, reason):
        super().__init__(f"{reason}; received {received[:200]!r}")
        self.received = received


@dataclass
class Response:
    status: int
    reason: str
    version: str
    headers: list = field(default_factory=list)  # (name, value) as received
    body: bytes = b""
    trailers: list = field(default_factory=list)

    def header(self, name, default=None):
        for key, value in self.headers:
            if key.lower() == name.lower():
                return value
        return default

    @property
    def text(self):
        return self.body.decode()


def request_bytes(method, target, headers=(), body=None, version="HTTP/1.1"):
    lines = [f"{method} {target} {version}"]
    names = {name.lower() for name, _ in headers}
    if "host" not in names and version == "HTTP/1.1":
        lines.append("Host: test")
    lines += [f"{name}: {value}" for name, value in headers]
    if body is not None and not names & {"content-length", "transfer-encoding"}:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + (body or b"")


def chunked(pieces):
    """A body in chunked coding."""
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces if piece) + b"0\r\n\r\n"


class Connection:
    """One connection to a (host, port) or a Unix socket's path. Responses are read one at a time."""

    def __init__(self, address, timeout=20):
        if isinstance(address, str):
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.settimeout(timeout)
            self.socket.connect(address)
        else:
            self.socket = socket.create_connection(address, timeout)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = bytearray()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    # ---- sending

    def send(self, data):
        self.socket.sendall(data)

    def request(self, method, target, headers=(), body=None, version="HTTP/1.1"):
        """Sends one request and returns its response."""
        self.send(request_bytes(method, target, headers, body, version))
        return self.response(method)

    # ---- receiving

    def _more(self, reason):
        try:
            data = self.socket.recv(262144)
        except ConnectionError as error:
            raise ConnectionEnded(bytes(self.buffer), f"{reason}: {error}") from None
        if not data:
            raise ConnectionEnded(bytes(self.buffer), f"{reason}: end of the connection")
        self.buffer += data

    def take(self, count):
        """The next `count` bytes, whatever they are."""
        while len(self.buffer) < count:
            self._more(f"waiting for {count} bytes")
        taken = bytes(self.buffer[:count])
        del self.buffer[:count]
        return taken

    def _line(self):
        start = 0
        while (end := self.buffer.find(b"\r\n", start)) < 0:
            start = max(0, len(self.buffer) - 1)
            self._more("waiting for a line")
        return self.take(end + 2)[:-2].decode("latin-1")

    def _fields(self):
        found = []
        while line := self._line():
            name, _, value = line.partition(":")
            found.append((name, value.strip()))
        return found

    def head(self):
        """Status line and headers only; the body is still to be read."""
        version, _, rest = self._line().partition(" ")
        status, _, reason = rest.partition(" ")
        return Response(int(status), reason, version, self._fields())

    def chunk(self):
        """The next chunk of a chunked body; b"" for the last one, whose trailers are left."""
        size = int(self._line().partition(";")[0], 16)
        if size == 0:
            return b""
        data = self.take(size)
        assert self.take(2) == b"\r\n", "a chunk does not end with CRLF"
        return data

    def response(self, method="GET"):
        """One final response; 1xx are skipped."""
        while (response := self.head()).status < 200:
            pass
        if method == "HEAD" or response.status in (204, 304):
            return response
        if (response.header("Transfer-Encoding") or "").lower() == "chunked":
            pieces = []
            while piece := self.chunk():
                pieces.append(piece)
            response.body, response.trailers = b"".join(pieces), self._fields()
        elif (length := response.header("Content-Length")) is not None:
            response.body = self.take(int(length))
        else:
            response.body = self.until_end()
        return response

    def until_end(self):
        """Everything until the server closes the connection in an orderly way."""
        while data := self.socket.recv(262144):
            self.buffer += data
        taken = bytes(self.buffer)
        self.buffer.clear()
        return taken

    def ended(self):
        """True once the server has closed the connection (waits for it); buffered or arriving bytes are an error."""
        assert not self.buffer, f"unread bytes: {bytes(self.buffer[:200])!r}"
        try:
            data = self.socket.recv(1)
        except ConnectionResetError:
            return True
        assert data == b"", f"expected the end of the connection, got {data!r}"
        return True


def get(address, target, headers=(), timeout=20):
    with Connection(address, timeout) as connection:
        return connection.request("GET", target, [*headers, ("Connection", "close")])

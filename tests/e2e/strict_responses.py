"""A reader of HTTP/1.1 responses that accepts nothing but what RFC 9112 lets a server send."""

import re
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime

_STATUS_LINE = re.compile(rb"HTTP/1\.1 ([1-5][0-9]{2}) ([\t \x21-\x7e\x80-\xff]*)")
_VISIBLE = rb"[\x21-\x7e\x80-\xff]"
_FIELD = re.compile(
    rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+): ?(" + _VISIBLE + rb"(?:(?:[\t ]|" + _VISIBLE + rb")*" + _VISIBLE + rb")?)?"
)
_DATE = re.compile(r"[A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} [0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2} GMT")
_CHUNK_SIZE = re.compile(rb"[0-9a-fA-F]{1,16}")


class Incomplete(Exception):
    """More bytes are needed."""


class OnlyInterim(Incomplete):
    """Nothing is there but complete 1xx responses, which `Reader.at` is behind."""


class Violation(Exception):
    """No server may send this."""


@dataclass
class Response:
    status: int
    fields: list = field(default_factory=list)  # (lower-case name, value)
    body: bytes = b""
    interim: list = field(default_factory=list)  # statuses of 1xx responses before it
    until_end: bool = False  # the end of the connection is the end of its body

    def values(self, name):
        return [value for key, value in self.fields if key == name]

    @property
    def closes(self):
        return any("close" in (member.strip().lower() for member in v.split(",")) for v in self.values("connection"))


class Reader:
    """Takes responses off the front of `data`."""

    def __init__(self, data):
        self.data = data
        self.at = 0

    def response(self, head_request=False, ended=False):
        """The next final response. `ended`: no byte will follow."""
        interim = []
        while True:
            response = self._head()
            if response.status >= 200:
                break
            if response.fields:
                raise Violation(f"a {response.status} with header fields: {response.fields}")
            interim.append(response.status)
            if not self.rest:
                raise OnlyInterim("the final response is missing")
        response.interim = interim
        self._check_head(response)
        response.body = b"" if head_request or response.status in (204, 304) else self._body(response, ended)
        return response

    @property
    def rest(self):
        return self.data[self.at :]

    def _line(self):
        end = self.data.find(b"\n", self.at)
        if end < 0:
            raise Incomplete("a line has no end")
        line = self.data[self.at : end]
        if not line.endswith(b"\r"):
            raise Violation(f"a line that does not end in CR LF: {line!r}")
        self.at = end + 1
        return line[:-1]

    def _head(self):
        line = self._line()
        status_line = _STATUS_LINE.fullmatch(line)
        if not status_line:
            raise Violation(f"not a status line: {line!r}")
        response = Response(int(status_line[1]))
        while line := self._line():
            found = _FIELD.fullmatch(line)
            if not found:
                raise Violation(f"not a header line: {line!r}")
            response.fields.append((found[1].decode().lower(), (found[2] or b"").decode("latin-1")))
        return response

    @staticmethod
    def _check_head(response):
        for name in ("content-length", "transfer-encoding", "connection", "date", "server"):
            if len(response.values(name)) > 1:
                raise Violation(f"{name} occurs twice")
        if response.values("content-length") and response.values("transfer-encoding"):
            raise Violation("both Content-Length and Transfer-Encoding")
        for value in response.values("transfer-encoding"):
            if value != "chunked":
                raise Violation(f"Transfer-Encoding: {value}")
        if not _DATE.fullmatch("".join(response.values("date"))):
            raise Violation(f"Date is {response.values('date')}")
        parsedate_to_datetime(response.values("date")[0])

    def _take(self, count):
        if len(self.data) - self.at < count:
            raise Incomplete("a body is not complete")
        taken = self.data[self.at : self.at + count]
        self.at += count
        return taken

    def _body(self, response, ended):
        for length in response.values("content-length"):
            if not re.fullmatch("[0-9]+", length):
                raise Violation(f"Content-Length: {length}")
            return self._take(int(length))
        if response.values("transfer-encoding"):
            return self._chunks()
        response.until_end = True
        if not ended:
            raise Incomplete("the body ends with the connection")
        return self._take(len(self.data) - self.at)

    def _chunks(self):
        body = b""
        while True:
            line = self._line()
            if not _CHUNK_SIZE.fullmatch(line):
                raise Violation(f"not a chunk size: {line!r}")
            size = int(line, 16)
            if size == 0:
                if self._line():
                    raise Violation("trailers nobody asked for")
                return body
            body += self._take(size)
            if self._take(2) != b"\r\n":
                raise Violation("a chunk does not end in CR LF")

"""Reads the files of tests/http_cases (their format: README.md there) and says what the application has to see."""

import re
from dataclasses import dataclass, field
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "http_cases"

# The servers cases are for: [http] settings. tests/unit/http_cases/case_file.cpp has the same limits.
SERVERS = {
    "default": {},
    "small": {
        "max_request_line": 128,
        "max_headers": 5,
        "max_header_bytes": 256,
        "max_body_bytes": 20,
        "body_buffer_bytes": 16,
    },
}

AWAIT_CONTINUE = None  # in a wire: the client waits here for 100 Continue

_ESCAPE = re.compile(
    rb"\\(?:(?P<plain>[rnt0\\])|x(?P<code>[0-9a-f]{2})|\{(?P<count>[0-9]+)\|(?P<text>[^}]*)\})", re.IGNORECASE
)
_PLAIN = {b"r": b"\r", b"n": b"\n", b"t": b"\t", b"0": b"\0", b"\\": b"\\"}


class BadCase(Exception):
    pass


@dataclass
class ExpectedRequest:
    method: str
    target: str  # path and query as received, which is RAW_URI
    protocol: str
    path: str | None = None  # PATH_INFO
    query: str | None = None
    fields: list = field(default_factory=list)  # (lower-case name, value)
    body: bytes = b""
    environ: dict = field(default_factory=dict)  # stated explicitly, on top of what follows from the rest

    def __post_init__(self):
        self._path, _, self._query = self.target.partition("?")
        if self._path == "*":  # no path (PEP 3333)
            self._path = ""

    def cgi(self):
        """Every CGI variable that depends on the request (PEP 3333, RFC 3875 4.1)."""
        found = {
            "REQUEST_METHOD": self.method,
            "RAW_URI": self.target,
            "REQUEST_URI": self.target,
            "SCRIPT_NAME": "",
            "PATH_INFO": self._path if self.path is None else self.path,
            "QUERY_STRING": self._query if self.query is None else self.query,
            "SERVER_PROTOCOL": self.protocol,
        }
        for name, value in self.fields:
            key = name.upper().replace("-", "_")
            key = key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"
            separator = "; " if key == "HTTP_COOKIE" else ","
            found[key] = found[key] + separator + value if key in found else value
        return {**found, **self.environ}


@dataclass
class Case:
    name: str
    clause: str = ""
    why: str = ""
    server: str = "default"
    ending: str = ""  # open, closed, silence, refused
    status: int = 0
    bodiless: bool = False  # the refusal answers a HEAD request
    begun: bool = False  # the application may have been called for the malformed request, before its body came
    requests: list = field(default_factory=list)
    wire: list = field(default_factory=list)  # bytes and AWAIT_CONTINUE

    @property
    def malformed(self):
        return self.ending in ("refused", "silence")

    @property
    def bytes(self):
        return b"".join(piece for piece in self.wire if piece is not AWAIT_CONTINUE)


def unescape(text):
    def one(match):
        if match["plain"]:
            return _PLAIN[match["plain"]]
        if match["code"]:
            return bytes([int(match["code"], 16)])
        return unescape(match["text"].decode()) * int(match["count"])

    if not text.isascii() or not text.isprintable():
        raise BadCase("bytes that cannot be seen are written as escapes")
    raw = text.encode()
    if b"\\" in _ESCAPE.sub(b"", raw):
        raise BadCase(f"unknown escape in {text!r}")
    return _ESCAPE.sub(one, raw)


def parse(name, text):
    case = Case(name)
    for number, line in enumerate(text.removesuffix("\n").split("\n"), 1):
        try:
            _take_line(case, line)
        except (BadCase, IndexError, ValueError) as error:
            raise BadCase(f"{name}:{number}: {error or type(error).__name__}") from error
    if not (case.clause and case.why and case.ending and case.wire):
        raise BadCase(f"{name}: clause, why, expect and wire lines are needed")
    return case


def _take_line(case, line):
    if line.startswith("> ") and case.ending:
        piece = unescape(line[2:])
        if case.wire and case.wire[-1] is not AWAIT_CONTINUE:
            case.wire[-1] += piece
        else:
            case.wire.append(piece)
    elif case.wire:
        if line != "< 100":
            raise BadCase("only wire lines, '> ...', may follow the first of them")
        case.wire.append(AWAIT_CONTINUE)
    elif line:
        key, _, value = line.partition(": ")
        _take_key(case, key, value)


def _take_key(case, key, value):
    decoded = lambda: unescape(value).decode("latin-1")  # noqa: E731
    if key == "clause":
        case.clause = value
    elif key == "why":
        case.why = f"{case.why} {value}".strip()
    elif key == "server" and value in SERVERS:
        case.server = value
    elif key == "expect":
        _take_ending(case, value)
    elif key == "request":
        method, target, protocol = value.split(" ")
        case.requests.append(ExpectedRequest(method, unescape(target).decode("latin-1"), protocol))
    elif key == "field":
        name, _, content = (decoded() + " ").partition(": ")
        case.requests[-1].fields.append((name, content[:-1]))
    elif key == "environ":
        name, _, content = decoded().partition(": ")
        case.requests[-1].environ[name] = content
    elif key in ("path", "query"):
        setattr(case.requests[-1], key, decoded())
    elif key == "body":
        case.requests[-1].body = unescape(value)
    else:
        raise BadCase(f"'{key}: {value}' is not expected here")


def _take_ending(case, value):
    ending, _, more = value.partition(" ")
    allowed = {"open": (), "closed": (), "silence": ("begun",)}.get(ending, ("begun", "without body"))
    if more and more not in allowed:
        raise BadCase(f"'{value}' is no ending")
    case.bodiless, case.begun = more == "without body", more == "begun"
    if ending in ("open", "closed", "silence"):
        case.ending = ending
    else:
        case.ending, case.status = "refused", int(ending)


def load_all():
    files = sorted(FOLDER.rglob("*.case"))
    return [parse(str(file.relative_to(FOLDER).with_suffix("")), file.read_text()) for file in files]

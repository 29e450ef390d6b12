"""The same application under gunicorn, to compare the answers with: whatever differs has to be explained here."""

import contextlib
import json
import re
import subprocess

from devtools.http import Connection
from devtools.waiting import wait_until

# Parts of a response that may differ, and why.
EXPLAINED_RESPONSE = {
    "server": "each server names itself",
    "date": "the moment of the answer",
    "connection": "gunicorn always says keep-alive or close; fettle leaves out what the version implies",
    "version": "fettle answers HTTP/1.0 with its own version, as RFC 9110 section 6.2 asks; gunicorn repeats the client's",
    "framing of a chunked request": "fettle has taken the chunks apart: the application sees the Content-Length of what came",
}

# Entries of the environ that may differ, and why.
EXPLAINED_ENVIRON = {
    "SERVER_SOFTWARE": "each server names itself",
    "SERVER_PORT": "two servers, two ports",
    "REMOTE_PORT": "two connections",
    "REQUEST_URI": "the undecoded target as uWSGI and Apache name it, besides RAW_URI; gunicorn has RAW_URI only",
    "RAW_URI": "an absolute target is reduced to its path and query, as PEP 3333 has no other; gunicorn passes it on whole",
    "HTTP_HOST": "the authority of an absolute target replaces the Host header (RFC 9112 section 3.2.2); gunicorn keeps the header",
    "HTTP_COOKIE": "several Cookie lines are joined with '; ', which cookie parsers understand; gunicorn joins with ','",
    "fettle.request_id": "fettle's own extension: the id of the log lines",
    "wsgi.errors": "an object of the server's own class",
    "wsgi.input": "an object of the server's own class",
    "wsgi.file_wrapper": "a class of the server's own",
    "wsgi.early_hints": "gunicorn's own extension",
    "gunicorn.socket": "gunicorn's own extension",
}


class Peer:
    """A gunicorn with two workers of four threads; `with Peer(...) as peer:`, then its `address`."""

    def __init__(self, venv, target, chdir, folder):
        self._command = [venv / "bin/gunicorn", "-w", "2", "--threads", "4", "-b", "127.0.0.1:0", "--chdir", str(chdir), target]
        self._log = folder / "gunicorn.log"

    def __enter__(self):
        with open(self._log, "wb") as log:
            self._process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.address = ("127.0.0.1", int(wait_until(self._port, 30, "gunicorn", self._log.read_text)))
        return self

    def __exit__(self, *_):
        self._process.terminate()
        self._process.wait(30)

    def _port(self):
        text = self._log.read_text()
        booted = text.count("Booting worker") == 2
        found = re.search(r"Listening at: http://127\.0\.0\.1:(\d+)", text)
        return found.group(1) if found and booted else None


def exchange(address, raw, method):
    """The response to a request given as bytes, on a connection of its own."""
    with Connection(address) as connection:
        connection.send(raw)
        return connection.response(method)


def differences(ours, theirs):
    """{what: (ours, theirs)} of two responses. Bodies in JSON are compared by value, and then their length is not."""
    found = {what: (getattr(ours, what), getattr(theirs, what)) for what in ("status", "reason", "version")}
    bodies = (_body(ours), _body(theirs))
    names = {name.lower() for response in (ours, theirs) for name, _ in response.headers}
    if all(isinstance(body, dict) for body in bodies):
        names.discard("content-length")
        seen = [body.get("headers") or {} for body in bodies]
        if "Transfer-Encoding" in seen[1]:
            framing = ("Transfer-Encoding", "Content-Length")
            found["framing of a chunked request"] = tuple([one.pop(name, None) for name in framing] for one in seen)
    for name in names:
        found[name] = (_values(ours, name), _values(theirs, name))
    found["body"] = bodies
    return {what: pair for what, pair in found.items() if pair[0] != pair[1]}


def _values(response, name):
    values = [value for key, value in response.headers if key.lower() == name]
    return sorted(", ".join(values).split(", ")) if name == "allow" else values  # Flask makes it of a set


def _body(response):
    with contextlib.suppress(ValueError):
        return json.loads(response.body)
    return response.body

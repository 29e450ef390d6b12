"""The corpus of tests/http_cases against the running server: each case whole, byte by byte and in random cuts."""

import copy
import hashlib
import json
import os
import random
import re
from collections import defaultdict
from dataclasses import dataclass, field

import http_case
import http_case_client as client
import pytest

SEED = int(os.environ.get("FETTLE_TEST_SEED", random.SystemRandom().randrange(2**32)))

MODES = {
    "whole": client.whole,
    "byte by byte": client.byte_by_byte,
    "small random cuts": client.random_cuts(8, SEED),
    "large random cuts": client.random_cuts(100, SEED),
}

CASES = http_case.load_all()

# What PEP 3333 and we promise of every request; the values that a client cannot change.
CONSTANT = {
    "wsgi.version": [1, 0],
    "wsgi.url_scheme": "http",
    "wsgi.multiprocess": False,
    "wsgi.run_once": False,
    "wsgi.input_terminated": True,
}
OTHERS = {"wsgi.input", "wsgi.errors", "wsgi.file_wrapper", "wsgi.multithread"}
# CGI variables of the server and the connection; the others follow from the request.
OF_SERVER = {"SERVER_NAME", "SERVER_PORT", "SERVER_SOFTWARE", "REMOTE_ADDR", "REMOTE_PORT"}


@dataclass
class Calls:
    """What the application was called for, and what it saw of the requests it read to the end."""

    targets: list = field(default_factory=list)
    seen: list = field(default_factory=list)


@pytest.fixture
def witness(server):
    """witness("small", **http) starts the server of that name, with an application that tells what it saw."""

    def start(name, threads=1, **http):
        settings = {
            "concurrency": {"processes": 1, "threads": threads},
            "http": {**http_case.SERVERS[name], **http},
            "queue": {"max_length": 10_000, "timeout": 60},
            "timeouts": {"header": 60, "body": 60, "keep_alive": 60},
        }
        made = server("witness", settings)
        made.allow_log(
            r"request failed status=(400|413|414|417|431|501|505) ",
            "requests failed too often to log each",
            "request header dropped because of the underscore in its name",
        )
        return made.start()

    return start


def witnessed(server):
    """{REMOTE_ADDR: Calls}, of all there will ever be: ends the server."""
    server.stop()
    calls = defaultdict(Calls)
    file = server.folder / "witness"
    for line in file.read_text().splitlines() if file.exists() else ():
        noted = json.loads(line)
        if "called" in noted:
            calls[noted["called"]].targets.append(noted["target"])
        else:
            calls[noted["environ"]["REMOTE_ADDR"]].seen.append(noted)
    return calls


def request_differences(expected, seen, source):
    environ = seen["environ"]
    wanted = {**expected.cgi(), "REMOTE_ADDR": source}
    cgi = {key: value for key, value in environ.items() if key.isupper() and key not in OF_SERVER - {"REMOTE_ADDR"}}
    cgi.pop("REQUEST_ID", None)
    for key in sorted(wanted.keys() | cgi.keys()):
        if wanted.get(key) != cgi.get(key):
            yield f"{key}: expected {wanted.get(key)!r}, got {cgi.get(key)!r}"
    for key, value in CONSTANT.items():
        if environ.get(key) != value:
            yield f"{key}: expected {value!r}, got {environ.get(key)!r}"
    missing = (OTHERS | OF_SERVER) - seen["types"].keys()
    if missing:
        yield f"environ has no {sorted(missing)}"
    if (seen["length"], seen["sha256"]) != (len(expected.body), hashlib.sha256(expected.body).hexdigest()):
        yield (
            f"body: expected {len(expected.body)} bytes {expected.body[:200]!r},"
            f" got {seen['length']} bytes {seen['beginning']!r}"
        )


def refusal_differences(case, response):
    if response.status != case.status:
        yield f"status of the refusal: expected {case.status}, got {response.status}"
    if not response.closes:
        yield "the refusal does not announce the end of the connection"
    if response.interim not in ([], [100] if case.begun else []):
        yield f"the refusal is preceded by {response.interim}"
    if not case.bodiless and not response.body:
        yield "the refusal does not say why"


def differences(case, exchange, calls):
    """One sentence for each difference between what the case expects and what happened. `calls`: of this connection."""
    if exchange.problem:
        yield exchange.problem
        return
    if exchange.rest:
        yield f"bytes behind the last response: {exchange.rest[:100]!r}"
    count = len(case.requests)
    probes = 1 if case.ending == "open" else 0
    refusals = 1 if case.ending == "refused" else 0
    begun = 1 if case.begun and calls.targets[-1:] != ["/smuggled"] else 0
    if len(calls.seen) != count + probes or not 0 <= len(calls.targets) - len(calls.seen) <= begun:
        yield (
            f"requests the application saw: expected {count} and {probes} of our own behind, got {calls.targets},"
            f" of these read {len(calls.seen)}"
        )
    if len(exchange.responses) != count + probes + refusals:
        statuses = [response.status for response in exchange.responses]
        yield f"responses: expected {count + probes + refusals}, got {statuses}"
    for index, expected in enumerate(case.requests[: len(calls.seen)]):
        for difference in request_differences(expected, calls.seen[index], exchange.source):
            yield f"request {index + 1}: {difference}"
    for index, response in enumerate(exchange.responses[:count]):
        yield from response_differences(case, index, response, calls.seen)
    for response in exchange.responses[count:]:
        if refusals:
            yield from refusal_differences(case, response)
        elif response.status != 200:
            yield f"the connection serves no further request: {response.status}"
    if probes and calls.targets[-1:] != ["/probe"]:
        yield "the application did not see our request behind the case"


def response_differences(case, index, response, seen):
    expected = case.requests[index]
    answer = f"response {index + 1}"
    if response.status != 200:
        yield f"{answer}: status {response.status}"
        return
    if expected.method != "HEAD" and index < len(seen) and response.body != json.dumps(seen[index]).encode():
        yield f"{answer} is that of another request"
    last = index + 1 == len(case.requests)
    if response.closes != (last and case.ending == "closed"):
        yield f"{answer}: Connection is {response.values('connection')}"
    if response.interim not in ([], [100]):
        yield f"{answer}: preceded by {response.interim}"
    if expected.protocol == "HTTP/1.0" and (response.interim or response.values("transfer-encoding")):
        yield f"{answer}: HTTP/1.0 knows neither 100 nor chunks"


def failures_of(cases, exchanges, calls):
    """{name: differences} of those that have any."""
    found = {}
    for case, exchange in zip(cases, exchanges, strict=True):
        listed = list(differences(case, exchange, calls[exchange.source]))
        if listed:
            found[case.name] = listed
    return found


def report(cases, failures, mode):
    by_name = {case.name: case for case in cases}
    return "\n\n".join(
        f"{name} ({by_name[name].clause}: {by_name[name].why}) sent {mode}, FETTLE_TEST_SEED={SEED}:\n  "
        + "\n  ".join(listed)
        for name, listed in failures.items()
    )


@pytest.mark.parametrize("mode", MODES)
def test_every_case_ends_as_it_says(witness, capsys, mode):
    failures = {}
    for name in http_case.SERVERS:
        cases = [case for case in CASES if case.server == name]
        server = witness(name)
        exchanges = client.run(server.address, cases, MODES[mode], client.source_addresses())
        failures.update(failures_of(cases, exchanges, witnessed(server)))
    with capsys.disabled():
        malformed = sum(case.malformed for case in CASES)
        print(
            f"\nhttp cases, server, {mode}: {len(CASES)} cases ({malformed} malformed, {len(CASES) - malformed} valid),"
            f" {len(failures)} failures, seed {SEED}"
        )
    assert not failures, report(CASES, failures, mode)


@pytest.mark.parametrize("mode", ["whole", "byte by byte", "large random cuts"])
def test_bodies_that_are_streamed_smuggle_nothing(witness, mode):
    """With http.stream_body the application is called before a body is known to be sound. A malformed one is an error
    to it, and all else is as without streaming: the refusal, the end, and nothing behind it is executed."""
    threads = 60  # as many connections at once: each has the application's attention while its body comes in
    server = witness("default", threads, stream_body=True, body_buffer_bytes=0)
    cases = [streamed(case) for case in CASES if case.server == "default"]
    exchanges = client.run(server.address, cases, MODES[mode], client.source_addresses(), at_once=threads)
    calls = witnessed(server)

    begun = {}  # requests whose bodies the application could not read to the end
    for case, exchange in zip(cases, exchanges, strict=True):
        ours = calls[exchange.source]
        if case.malformed and len(ours.targets) == len(ours.seen) + 1 and ours.targets[-1] != "/smuggled":
            begun[case.name] = ours.targets.pop()
    failures = failures_of(cases, exchanges, calls)
    assert not failures, report(CASES, failures, mode)
    assert begun or mode != "byte by byte", "nothing was streamed"


def streamed(case):
    """The case as a server sees it that streams bodies: it does not know the length of a chunked one."""
    case = copy.deepcopy(case)
    for request in case.requests:
        if not any(name == "content-length" for name, _ in request.fields):
            request.environ.pop("CONTENT_LENGTH", None)
    return case


def falsified(case):
    """Copies of the case, each with one falsehood."""

    def changed(**values):
        other = copy.deepcopy(case)
        for name, value in values.items():
            setattr(other, name, value)
        return other

    if case.ending == "refused":
        yield changed(status=case.status + 1)
    if case.ending == "open":
        yield changed(ending="closed")
    if case.ending == "closed":
        yield changed(ending="open")
    yield changed(requests=[*case.requests, http_case.ExpectedRequest("GET", "/", "HTTP/1.1")])
    if case.requests:
        yield changed(requests=case.requests[1:])
        for name, value in {
            "method": "X",
            "path": "/x",
            "query": "x",
            "protocol": "HTTP/9.9",
            "body": b"another",
            "fields": [("x", "y")],
            "environ": {"HTTP_X": "y"},
        }.items():
            other = changed()
            setattr(other.requests[0], name, value)
            yield other


def test_any_falsehood_in_a_case_is_found(witness):
    """The runner can fail: what was observed, held against cases that say something else."""
    server = witness("default")
    cases = [case for case in CASES if case.server == "default"]
    exchanges = client.run(server.address, cases, client.whole, client.source_addresses())
    calls = witnessed(server)

    overlooked = [
        (case.name, wrong)
        for case, exchange in zip(cases, exchanges, strict=True)
        for wrong in falsified(case)
        if not list(differences(wrong, exchange, calls[exchange.source]))
    ]

    assert not overlooked


def test_the_strict_reader_refuses_what_no_server_may_send():
    head = b"HTTP/1.1 200 OK\r\nDate: Fri, 20 Nov 2026 10:00:00 GMT\r\n"
    for wrong in (
        b"HTTP/1.0 200 OK\r\n\r\n",
        b"HTTP/1.1 20 OK\r\n\r\n",
        b"HTTP/1.1 200\r\n\r\n",
        b"HTTP/1.1 200 OK\n\n",
        b"HTTP/1.1 200 OK\r\n\r\n",  # no Date
        b"HTTP/1.1 200 OK\r\nDate: today\r\n\r\n",
        head + b"A : b\r\n\r\n",
        head + b"A: b\r\n c\r\n\r\n",
        head + b"A: b\0\r\n\r\n",
        head + b"Content-Length: 1\r\nContent-Length: 1\r\n\r\na",
        head + b"Content-Length: +1\r\n\r\na",
        head + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\na",
        head + b"Transfer-Encoding: gzip\r\n\r\n",
        head + b"Transfer-Encoding: chunked\r\n\r\n1;x\r\na\r\n0\r\n\r\n",
        head + b"Transfer-Encoding: chunked\r\n\r\n1\r\nab0\r\n\r\n",
    ):
        with pytest.raises(client.Violation):
            client.strict_responses.Reader(wrong).response(ended=True)
    with pytest.raises(client.Incomplete):
        client.strict_responses.Reader(head + b"Content-Length: 2\r\n\r\na").response(ended=True)


def test_the_documentation_names_cases_that_exist():
    """docs/http.md: of the table of attempts, the last column."""
    text = (http_case.FOLDER.parents[1] / "docs/http.md").read_text()
    rows = [row for row in text.partition("## What smugglers try")[2].partition("\n## ")[0].splitlines() if "`" in row]
    assert len(rows) > 15
    for row in rows:
        folder = "*"
        for name in re.findall("`([^`]+)`", row.split("|")[-2]):
            folder, _, file = name.rpartition("/") if "/" in name else (folder, "", name)
            assert list(http_case.FOLDER.glob(f"{folder}/{file or '*'}.case")), f"{name}: no such case"


def test_the_corpus_is_complete_and_in_order():
    """Each case tells which clause it tests and why; none exists twice (its id is its path); there are enough of both
    kinds."""
    clause = re.compile(r"RFC (9110|9112|9113|3986|3875|6585) [0-9A-Z][0-9.]*$|PEP 3333 [A-Za-z ]+$")
    wires, reasons = defaultdict(list), defaultdict(list)
    for case in CASES:
        assert re.fullmatch(r"[a-z0-9-]+/[a-z0-9-]+", case.name), f"{case.name}: lower case, digits and dashes"
        for part in case.clause.split("; "):
            assert clause.match(part), f"{case.name}: no clause of an RFC: {part!r}"
        assert case.why.endswith("."), f"{case.name}: `why` is a sentence"
        reasons[case.why].append(case.name)
        assert case.malformed or case.requests, f"{case.name}: a valid case shows what the application sees"
        for request in case.requests:
            assert "%" not in request.target or request.path is not None, f"{case.name}: state the decoded path"
        wires[(case.server, case.bytes, case.ending)].append(case.name)
    assert not [same for same in wires.values() if len(same) > 1], "cases with the same bytes"
    assert not [same for same in reasons.values() if len(same) > 1], "cases with the same reason: which one is it?"
    malformed = sum(case.malformed for case in CASES)
    assert malformed >= 150
    assert len(CASES) - malformed >= 100
    unread = [file for file in http_case.FOLDER.rglob("*") if file.is_file() and file.suffix not in (".case", ".md")]
    assert not unread, "files nobody reads"
    trailing = [file for file in http_case.FOLDER.rglob("*.case") if re.search(r"[ \t]$", file.read_text(), re.M)]
    assert not trailing, "blanks at the end of a line cannot be seen: write \\x20"

"""httpbin (Flask), driven by curl and httpx, and compared with itself under gunicorn."""

import hashlib
import json
import os
import re
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
from devtools.http import Connection, chunked, request_bytes

from .peer import EXPLAINED_ENVIRON, EXPLAINED_RESPONSE, Peer, differences, exchange
from .service import SITES, by_command_line, run as run_command, serving, virtual_environment

TARGET = "httpbin_site"
SHOW_ENVIRON = "/show-environ"  # of sites/httpbin_site.py
HOST = ("Host", "httpbin.example")  # the same for both servers: httpbin puts it into its answers
MEGABYTE = 1024 * 1024
LARGEST_BODY = 16 * MEGABYTE
EXPECTED_LOG = [
    r"application error .*uri=/status/407: ValueError: a hop-by-hop header .*Proxy-Authenticate",
    r"^Traceback",
    r"request failed status=500 reason='the application failed' .*GET /status/407 ",
    r"request failed status=413 ",
]


def run(section, folder):
    arguments = by_command_line("httpbin", TARGET, SITES, "--threads", 4)
    with serving(
        section,
        folder / "fettle",
        "fettle run httpbin_site -w 2 --threads 4 --python VENV",
        arguments,
        lambda server: server.get("/get"),
        env={"FETTLE_HTTP_MAX_BODY_BYTES": str(LARGEST_BODY)},
        expect_log=EXPECTED_LOG,
    ) as server:
        for check in (methods_and_bodies, odd_targets, streams, compression, statuses, redirects, cookies, authentication,
                      ranges, other_routes, delays, head_and_options, continue_uploads, chunked_uploads, http_1_0,
                      keep_alive, client_leaves):  # fmt: skip
            with section.step(check.__doc__):
                check(server)
        compare(section, server, folder)


# ---- clients


def client(server):
    return httpx.Client(base_url=server.url, timeout=30)


def curl(server, path, *options, **more):
    """Standard output of curl."""
    return run_command("curl", "--silent", "--show-error", "--max-time", 60, *options, server.url + path, **more).stdout


def curl_json(server, path, *options, **more):
    return json.loads(curl(server, path, *options, **more))


def curl_head(server, path, *options):
    """The headers of the last response, without the body; and the status line first."""
    return curl(server, path, "--dump-header", "-", "--output", os.devnull, *options).decode("latin-1")


# ---- checks; the docstring is the step's name


def methods_and_bodies(server):
    """curl, httpx: /get, /post (form, JSON, multipart), /put, /patch, /delete"""
    assert curl_json(server, "/get?a=1&a=2&b=%20x")["args"] == {"a": ["1", "2"], "b": " x"}
    assert curl_json(server, "/post", "-d", "name=Zo%C3%AB&n=1")["form"] == {"name": "Zoë", "n": "1"}
    content = os.urandom(300_000).hex()
    sent = curl_json(server, "/post", "-F", "note=hello", "-F", "file=@-;filename=x.txt", binary_input=content.encode())
    assert (sent["form"], sent["files"]) == ({"note": "hello"}, {"file": content})
    with client(server) as http:
        value = {"snow": "☃", "list": [1, 2.5, None, True]}
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            answer = http.request(method, f"/{method.lower()}", json=value).json()
            assert (answer["json"], answer["headers"]["Content-Type"]) == (value, "application/json")
        answer = http.post("/post", files={"file": ("ü.bin", b"\xff\0\1", "application/octet-stream")}, data={"k": "v"})
        assert answer.json()["files"] == {"file": "data:application/octet-stream;base64,/wAB"}
        assert http.post("/post", content=b"").json()["data"] == ""


def odd_targets(server):
    """curl: /anything with escapes, UTF-8 and odd queries, decoded once and never twice"""
    for path, expected in {
        "a%20b": "a b",
        "%E2%82%AC": "€",
        "a%252Fb": "a%2Fb",
        "a%2Fb//c/./d;e=f+g": "a/b//c/./d;e=f+g",
    }.items():
        seen = curl_json(server, f"{SHOW_ENVIRON}/{path}", "--path-as-is")["PATH_INFO"]
        assert seen.encode("latin-1").decode() == f"{SHOW_ENVIRON}/{expected}"
        assert curl_json(server, f"/anything/{path}", "--path-as-is")["method"] == "GET"
    assert curl_json(server, "/anything/x?a=%26&b=%3D&c&&d=%C3%A9")["args"] == {"a": "&", "b": "=", "c": "", "d": "é"}
    assert curl_json(server, "/anything/x?" + "q=1234567&" * 500)["args"]["q"] == ["1234567"] * 500


def streams(server):
    """curl, httpx: /stream/100, /stream-bytes, /drip: complete, and sent as they are made"""
    lines = [json.loads(line) for line in curl(server, "/stream/100").splitlines()]
    assert [line["id"] for line in lines] == list(range(100))
    assert "transfer-encoding: chunked" in curl_head(server, "/stream/3").lower()
    once, twice = (curl(server, "/stream-bytes/102400?seed=7&chunk_size=999") for _ in range(2))
    assert len(once) == 102400 and once == twice
    assert curl(server, "/stream-bytes/30000?seed=7&chunk_size=1") == once[:30000]  # as many chunks as bytes
    with client(server) as http, http.stream("GET", "/drip?duration=1&numbytes=5&delay=0") as response:
        moments = [time.monotonic() for piece in response.iter_raw() for _ in piece]
    assert len(moments) == 5
    assert moments[-1] - moments[0] > 0.6, f"all at once: {moments}"


def compression(server):
    """curl --compressed: /gzip, /deflate, /brotli; /bytes and /image unchanged"""
    for path, key in {"/gzip": "gzipped", "/deflate": "deflated", "/brotli": "brotli"}.items():
        assert curl_json(server, path, "--compressed")[key] is True
    content = curl(server, "/bytes/1048576?seed=5")  # httpbin itself cuts at 100 KB
    assert len(content) == 100 * 1024
    assert content == curl(server, "/bytes/1048576?seed=5")
    assert curl(server, "/image/png").startswith(b"\x89PNG") and curl(server, "/image/jpeg").startswith(b"\xff\xd8")


def statuses(server):
    """httpx: /status/N for every N from 200 to 599; 204 and 304 have no body"""
    with client(server) as http:
        for status in range(200, 600):
            response = http.get(f"/status/{status}")
            # httpbin's 407 carries Proxy-Authenticate, which PEP 3333 forbids applications; EXPECTED_LOG has the line.
            assert response.status_code == (status if status != 407 else 500), status
            if status in (204, 304):
                assert response.content == b"" and "transfer-encoding" not in response.headers
        assert "teapot" in http.get("/status/418").text


def redirects(server):
    """curl -L: relative and absolute redirects; 307 keeps the POST"""
    for path in ("/redirect/5", "/relative-redirect/3", "/absolute-redirect/3"):
        assert curl_json(server, path, "-L")["url"] == f"{server.url}/get"
    kept = curl_json(server, "/redirect-to?url=/post&status_code=307", "-L", "-d", "kept=yes")
    assert kept["form"] == {"kept": "yes"}


def cookies(server):
    """curl with a cookie jar: /cookies/set, /cookies, /cookies/delete"""
    jar = server.folder / "jar"
    options = ("-L", "-b", jar, "-c", jar)
    assert curl_json(server, "/cookies/set?a=1&b=two", *options)["cookies"] == {"a": "1", "b": "two"}
    assert curl_json(server, "/cookies", *options)["cookies"] == {"a": "1", "b": "two"}
    assert curl_json(server, "/cookies/delete?a", *options)["cookies"] == {"b": "two"}


def authentication(server):
    """curl: /basic-auth, /digest-auth, /bearer: accepted with, refused without"""
    assert curl_json(server, "/basic-auth/user/se%20cret", "-u", "user:se cret")["authenticated"] is True
    assert " 401 " in curl_head(server, "/basic-auth/user/secret", "-u", "user:wrong")
    assert curl_json(server, "/digest-auth/auth/user/secret", "--digest", "-u", "user:secret")["authenticated"] is True
    assert curl_json(server, "/bearer", "-H", "Authorization: Bearer abc")["token"] == "abc"


def ranges(server):
    """curl -r: /range/100000 whole, from the middle, the last bytes, not satisfiable"""
    whole = curl(server, "/range/100000")
    assert len(whole) == 100000
    assert curl(server, "/range/100000", "-r", "500-1499") == whole[500:1500]
    assert curl(server, "/range/100000", "-r", "-100") == whole[-100:]
    assert " 206 " in curl_head(server, "/range/100000", "-r", "0-9")
    assert " 416 " in curl_head(server, "/range/100000", "-r", "200000-200001")


def other_routes(server):
    """httpx: 17 other routes, among them /headers, /cache, /etag, /response-headers"""
    with client(server) as http:
        assert http.get("/headers", headers={"X-Odd": "ÿ\té".encode("latin-1")}).status_code == 200
        assert http.get("/ip").json() == {"origin": "127.0.0.1"}
        assert http.get("/user-agent", headers={"User-Agent": "probe/1"}).json() == {"user-agent": "probe/1"}
        assert "∮" in http.get("/encoding/utf8").text
        assert http.get("/cache", headers={"If-None-Match": "x"}).status_code == 304
        assert http.get("/etag/abc", headers={"If-None-Match": '"abc"'}).status_code == 304
        assert http.get("/response-headers?X-A=1&X-A=2").headers.get_list("X-A") == ["1", "2"]
        for path in ("/html", "/xml", "/json", "/robots.txt", "/deny", "/uuid", "/base64/aGFsbG8=", "/links/3/0",
                     "/forms/post", "/"):  # fmt: skip
            assert http.get(path).status_code == 200, path
        assert http.get("/no-such-page").status_code == 404
        assert http.post("/get").status_code == 405


def delays(server):
    """httpx: 8 x /delay/1 at once take 1 s, not 8, with 2 workers of 4 threads"""
    with client(server) as http, ThreadPoolExecutor(8) as pool:
        started = time.monotonic()
        assert all(status == 200 for status in pool.map(lambda _: http.get("/delay/1").status_code, range(8)))
        assert time.monotonic() - started < 1.9


def head_and_options(server):
    """curl -I, -X OPTIONS: GET's headers without a body; Allow; the connection goes on"""
    head = curl(server, "/bytes/5000?seed=1", "-I").decode()
    assert re.search(r"(?i)^content-length: 5000\r$", head, re.MULTILINE)
    assert "200" in curl(server, "/stream/10", "-I").decode().splitlines()[0]
    allow = re.search(r"(?i)^allow: (.*)\r$", curl_head(server, "/anything", "-X", "OPTIONS"), re.MULTILINE).group(1)
    assert {"GET", "POST", "TRACE"} <= {name.strip() for name in allow.split(",")}
    with Connection(server.address) as connection:
        assert connection.request("HEAD", "/bytes/5000", [HOST]).body == b""
        assert connection.request("GET", "/get", [HOST]).status == 200


def uploaded(answer):
    """What httpbin says it received, as bytes."""
    data = answer["data"]
    return run_command("base64", "-d", binary_input=data.partition("base64,")[2].encode()).stdout


def continue_uploads(server):
    """curl: 8 MB with Expect: 100-continue; a body too large is refused before it is sent"""
    content = os.urandom(8 * MEGABYTE)
    options = ("-v", "--data-binary", "@-", "-H", "Expect: 100-continue", "--expect100-timeout", 30,
               "-H", "Content-Type: application/octet-stream")  # fmt: skip
    words = ["curl", "--silent", "--max-time", 60, *options, f"{server.url}/post"]
    done = run_command(*words, binary_input=content)
    assert b"< HTTP/1.1 100 Continue" in done.stderr
    assert hashlib.sha256(uploaded(json.loads(done.stdout))).digest() == hashlib.sha256(content).digest()
    with Connection(server.address) as connection:
        connection.send(request_bytes("POST", "/post", [HOST, ("Content-Length", LARGEST_BODY + 1), ("Expect", "100-continue")]))
        assert connection.head().status == 413


def chunked_uploads(server):
    """curl -T -: chunked uploads of 8 MB and of nothing; trailers do no harm"""
    for content in (os.urandom(8 * MEGABYTE), b""):
        answer = curl_json(server, "/put", "-T", "-", "-H", "Content-Type: application/octet-stream", binary_input=content)
        received = uploaded(answer) if content else answer["data"].encode()
        assert received == content
        assert "Transfer-Encoding" not in answer["headers"]
    with Connection(server.address) as connection:
        body = chunked([b"hello ", b"world"])[:-2] + b"X-Sum: 1\r\n\r\n"
        connection.send(request_bytes("POST", "/post", [HOST, ("Transfer-Encoding", "chunked")]) + body)
        assert json.loads(connection.response().body)["data"] == "hello world"
        assert connection.request("GET", "/get", [HOST]).status == 200


def http_1_0(server):
    """curl -0: /get, /post, and /stream/10 delimited by the end of the connection"""
    assert curl_json(server, "/get", "-0")["url"] == f"{server.url}/get"
    assert curl_json(server, "/post", "-0", "-d", "a=b")["form"] == {"a": "b"}
    assert len(curl(server, "/stream/10", "-0").splitlines()) == 10
    assert "transfer-encoding" not in curl_head(server, "/stream/10", "-0").lower()


def keep_alive(server):
    """curl: 20 requests of all kinds reuse one connection"""
    paths = ["/get", "/stream/5", "/bytes/70000", "/status/204", "/gzip"] * 4
    words = ["curl", "--silent", "--show-error", "--write-out", "%{stderr}%{num_connects} "]
    for path in paths:
        words += ["--output", os.devnull, server.url + path]
    assert run_command(*words).stderr.split() == [b"1"] + [b"0"] * (len(paths) - 1)


def client_leaves(server):
    """clients that leave during /drip, /stream-bytes and an upload; the next are served"""
    for number in range(12):
        with Connection(server.address) as connection:
            if number % 3 == 0:
                connection.send(request_bytes("GET", "/drip?duration=1&numbytes=20&delay=0", [HOST]))
                connection.head()
            elif number % 3 == 1:
                connection.send(request_bytes("GET", "/stream-bytes/102400?chunk_size=10", [HOST]))
                connection.head()
            else:
                connection.send(request_bytes("POST", "/post", [HOST, ("Content-Length", 100_000)]) + b"x" * 50_000)
    with client(server) as http:
        assert all(http.get("/get").status_code == 200 for _ in range(20))


# ---- the comparison

FORM = ("Content-Type", "application/x-www-form-urlencoded")
MULTIPART = (
    b'--limit\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n'
    b'--limit\r\nContent-Disposition: form-data; name="f"; filename="n.txt"\r\nContent-Type: text/plain\r\n\r\nabc\r\n--limit--\r\n'
)
COMPARED = [
    ("GET", "/get?a=1&b=%20&c", (), None),
    ("POST", "/post", (FORM,), b"a=1&b=%C3%A4"),
    ("POST", "/post", (("Content-Type", "application/json"),), b'{"a": [1, null]}'),
    ("POST", "/post", (("Content-Type", "multipart/form-data; boundary=limit"),), MULTIPART),
    ("PUT", "/put", (("Content-Type", "application/octet-stream"),), bytes(range(256))),
    ("DELETE", "/delete", (), None),
    ("PATCH", "/patch", (), b"x"),
    ("POST", "/post", (("Transfer-Encoding", "chunked"),), chunked([b"one", b"two"])),
    ("GET", "/headers", (("X-A", "1"), ("X-A", "2"), ("X-Latin", "\xe9"), ("Accept", "*/*")), None),
    ("GET", "/anything/a%2Fb//c/./d/%E2%82%AC;x=1?q=%zz&q=%C3%A9", (), None),
    ("GET", "/anything/%", (), None),
    ("GET", "http://httpbin.example/anything/absolute?x", (), None),
    ("OPTIONS", "/anything", (("Origin", "http://a.example"), ("Access-Control-Request-Headers", "x-y")), None),
    ("HEAD", "/get", (), None),
    ("HEAD", "/bytes/5000?seed=1", (), None),
    ("GET", "/stream/20", (), None),
    ("GET", "/stream-bytes/5000?seed=1&chunk_size=77", (), None),
    ("GET", "/bytes/1048576?seed=3", (), None),
    ("GET", "/range/2000", (("Range", "bytes=100-199"),), None),
    ("GET", "/range/2000", (("Range", "bytes=9000-"),), None),
    ("GET", "/cookies/set?a=b&c=d", (), None),
    ("GET", "/cookies", (("Cookie", "a=b; c=\xe9"),), None),
    ("GET", "/redirect/3", (), None),
    ("GET", "/response-headers?X-A=1&X-A=2&Set-Cookie=q%3D1", (), None),
    ("GET", "/basic-auth/u/p", (), None),
    ("GET", "/cache/60", (), None),
    ("GET", "/etag/x", (("If-None-Match", '"x"'),), None),
    ("GET", "/encoding/utf8", (), None),
    ("GET", "/status/204", (), None),
    ("GET", "/status/304", (), None),
    ("GET", "/status/599", (), None),
    ("GET", "/no-such-page", (), None),
    ("TRACE", "/anything", (), None),
    ("GET", "/image/svg", (), None),
]
ENVIRONS = [
    ("GET", "/show-environ/a%2Fb%20c//d;e?x=%20&y", (("X-One", "1"), ("X-One", "2"), ("Cookie", "a=1"), ("Cookie", "b=2"))),
    ("GET", "/show-environ/%E2%82%AC%FF", (("X-Latin", "\xe9"), ("X-Empty", ""))),
    ("GET", "http://httpbin.example:80/show-environ/absolute?q", ()),
    ("GET", "/show-environ", (("Content-Type", "text/plain"), ("Content-Length", "0"))),
]


def compare(section, server, folder):
    """Both servers get the same bytes; the answers may differ only where peer.py explains it."""
    seen = set()
    with Peer(virtual_environment("httpbin"), TARGET, SITES, folder) as gunicorn:
        with section.step(f"{len(COMPARED)} requests in HTTP/1.1 and 1.0: status, headers and body as under gunicorn"):
            unexplained = []
            for version in ("HTTP/1.1", "HTTP/1.0"):
                for request in COMPARED:
                    if version == "HTTP/1.0" and "Transfer-Encoding" in dict(request[2]):
                        continue  # not part of HTTP/1.0
                    found = compared(server, gunicorn, *request, version)
                    seen |= {what for what in found if what in EXPLAINED_RESPONSE}
                    unexplained += [
                        f"{version} {request[0]} {request[1]}: {what}: {str(ours)[:300]} here, {str(theirs)[:300]} there"
                        for what, (ours, theirs) in found.items()
                        if what not in EXPLAINED_RESPONSE
                    ]
            assert not unexplained, "\n".join(unexplained)
        for what in sorted(seen):
            section.note(f"differs from gunicorn: {what}: {EXPLAINED_RESPONSE[what]}")
        entries = {}
        with section.step(f"{len(ENVIRONS)} requests: the application gets the same environ as under gunicorn"):
            for request in ENVIRONS:
                pair = compared(server, gunicorn, *request, None, "HTTP/1.1")["body"]
                for name in {**pair[0], **pair[1]}:
                    values = [environ.get(name, "(absent)") for environ in pair]
                    if values[0] != values[1]:
                        entries.setdefault(name, values)
            unexplained = [f"{name}: {values}" for name, values in entries.items() if name not in EXPLAINED_ENVIRON]
            assert not unexplained, "\n".join(unexplained)
        for name in sorted(entries.keys() & EXPLAINED_ENVIRON.keys()):
            section.note(f"differs from gunicorn: environ {name}: {EXPLAINED_ENVIRON[name]}")


def compared(server, gunicorn, method, target, headers, body, version):
    raw = request_bytes(method, target, [HOST, *headers], body, version)
    return differences(exchange(server.address, raw, method), exchange(gunicorn.address, raw, method))

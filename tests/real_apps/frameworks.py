"""Bottle, Falcon and Pyramid: the same four routes in each. Client: httpx."""

import hashlib
import os

import httpx

from .service import SITES, by_file, serving


def run(section, folder):
    for name in ("bottle", "falcon", "pyramid"):
        arguments = by_file("frameworks", f"{name}_site", SITES, {"concurrency": {"threads": 2}})
        with (
            serving(section, folder / name, f"{name}, fettle serve", arguments, lambda one: one.get("/hello/x")) as server,
            httpx.Client(base_url=server.url, timeout=30) as http,
        ):
            with section.step(f"{name}: page with a UTF-8 path, JSON, an upload of 1 MB, a stream, HEAD, 404"):
                routes(http)


def routes(http):
    assert http.get("/hello/Zoë").text == "Hello Zoë!"
    value = {"snow": "☃", "list": [1, None]}
    assert http.post("/json", json=value).json() == {"got": value}
    content = os.urandom(1024 * 1024)
    assert http.post("/upload", files={"file": ("f", content)}).text == hashlib.sha256(content).hexdigest()
    assert http.get("/stream").text == "".join(f"line {number}\n" for number in range(1000))
    assert http.head("/hello/x").content == b""
    assert http.get("/no-such-page").status_code == 404

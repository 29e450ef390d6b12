"""What a client can rely on in examples/flask_shop: run by scripts/demo --check and, one by one, by tests/e2e.

A check is a function of an httpx.Client whose base URL is the shop; its docstring says what it checks. It raises
AssertionError.
"""

import csv
import hashlib
import io
import os
import re
import time
from concurrent.futures import ThreadPoolExecutor

# Lines a run leaves in the log: the route that fails on purpose.
EXPECTED_LOG = ["this route always fails", "Traceback"]

UPLOAD_BYTES = 24 * 1024 * 1024 + 321


def pages(client):
    """pages: home, products with search, one product, style sheet"""
    assert "Bestsellers" in page(client, "/")
    everything = page(client, "/products")
    assert everything.count('class="picture"') == 20
    assert "Moka pot" in everything
    assert page(client, "/products?q=pot&category=kitchen").count('class="picture"') == 1
    assert "Nothing found" in page(client, "/products?q=no-such-thing")
    assert "polished aluminium" in page(client, "/products/moka-pot")
    style = client.get("/static/shop.css")
    assert style.headers["content-type"].startswith("text/css")
    assert "--accent" in style.text


def page(client, path):
    response = client.get(path)
    assert response.status_code == 200, f"{path}: {response.status_code}"
    assert response.headers["content-type"].startswith("text/html")
    return response.text


def buying(client):
    """cart and checkout: session cookie, forms, redirects, a transaction that takes from stock"""
    client.cookies.clear()
    stock = client.get("/api/products/tea-tin").json()["stock"]
    added = client.post("/cart/items", data={"product": "tea-tin", "quantity": "2"})
    assert (added.status_code, added.headers["location"]) == (303, "/cart")
    assert "HttpOnly" in added.headers["set-cookie"]
    assert "€25.80" in page(client, "/cart")
    refused = client.post("/checkout", data={"name": "Test", "email": "nowhere", "address": "x"})
    assert refused.status_code == 400
    assert "needs an @" in refused.text
    placed = client.post("/checkout", data={"name": "Zoë Test", "email": "zoe@example.com", "address": "1 Lane"})
    assert placed.status_code == 303
    assert "Thank you, Zoë Test" in page(client, placed.headers["location"])
    number = placed.headers["location"].rsplit("/", 1)[1]
    assert client.get(f"/api/orders/{number}").json()["lines"] == [
        {"name": "Tea tin", "picture": "🍵", "price_cents": 1290, "quantity": 2, "slug": "tea-tin"}
    ]
    assert client.get("/api/products/tea-tin").json()["stock"] == stock - 2
    assert "It is empty" in page(client, "/cart")


def json_api(client):
    """JSON API: lists, one product, an error as JSON"""
    products = client.get("/api/products", params={"category": "garden"}).json()["products"]
    assert [product["slug"] for product in products] == [
        "bird-house",
        "garden-gloves",
        "pruning-shears",
        "tomato-seeds",
        "watering-can",
    ]
    assert client.get("/api/products/compass").json()["price_cents"] == 3290
    missing = client.get("/api/products/unicorn")
    assert (missing.status_code, missing.json()) == (404, {"error": "no product 'unicorn'"})


def upload_and_download(client):
    """upload and download: 24 MB by multipart, byte for byte the same back"""
    content = os.urandom(1024 * 1024) * (UPLOAD_BYTES // (1024 * 1024)) + os.urandom(321)
    photo = upload(client, content, "holiday.jpg", "image/jpeg")
    assert (photo["bytes"], photo["sha256"]) == (UPLOAD_BYTES, hashlib.sha256(content).hexdigest())
    back = client.get(f"/photos/{photo['id']}")
    assert back.headers["content-type"] == "image/jpeg"
    assert back.content == content, "the download differs from the upload"
    assert "holiday.jpg" in page(client, "/photos")
    empty = upload(client, b"", "empty.bin", "application/octet-stream")
    assert client.get(f"/photos/{empty['id']}").content == b""


def upload(client, content, name, media_type):
    response = client.post(
        "/photos", files={"file": (name, content, media_type)}, headers={"Accept": "application/json"}
    )
    assert response.status_code == 201, f"upload: {response.status_code}"
    return response.json()


def ranges(client):
    """ranges: 206 with the bytes asked for, 416 beyond the end, 304 for a known ETag"""
    content = os.urandom(100_000)
    path = f"/photos/{upload(client, content, 'ranges.bin', 'application/octet-stream')['id']}"
    part = client.get(path, headers={"Range": "bytes=1000-1999"})
    assert (part.status_code, part.headers["content-range"], part.content) == (
        206,
        "bytes 1000-1999/100000",
        content[1000:2000],
    )
    assert client.get(path, headers={"Range": "bytes=-5"}).content == content[-5:]
    assert client.get(path, headers={"Range": "bytes=200000-"}).status_code == 416
    whole = client.get(path)
    assert client.get(path, headers={"If-None-Match": whole.headers["etag"]}).status_code == 304


def export(client):
    """CSV export: streamed without a length, complete"""
    with client.stream("GET", "/orders.csv") as response:
        assert "content-length" not in response.headers
        rows = list(csv.DictReader(io.StringIO("".join(response.iter_text()))))
    assert len(rows) >= 400
    assert rows[0]["name"] == "Ada Martin"
    assert all(re.fullmatch(r"\d+\.\d\d", row["total_euros"]) for row in rows)


def live_stream(client):
    """stream: events arrive one by one while the response is being made"""
    pace = 0.2
    arrivals, events = [], ""
    with client.stream("GET", "/orders/1/track", params={"pace": pace}) as response:
        for text in response.iter_text():
            arrivals.append(time.monotonic())
            events += text
    assert re.findall(r"^id: (\d)$", events, re.MULTILINE) == ["0", "1", "2", "3", "4"]
    assert len(arrivals) == 5, f"five events came in {len(arrivals)} pieces"
    assert arrivals[-1] - arrivals[0] > 3 * pace, "the events came all at once"


def slow_route(client):
    """slow route: two at once take no longer than one (several slots)"""
    started = time.monotonic()
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda _: client.get("/delivery-quote", params={"seconds": 1}), range(2)))
    assert [answer.json()["waited_seconds"] for answer in answers] == [1.0, 1.0]
    assert time.monotonic() - started < 1.9


def cpu_route(client):
    """CPU-heavy route: computes in Python, gives the same answer every time"""
    first = client.get("/products/moka-pot/related", params={"effort": 30}).json()
    assert len(first["related"]) == 5
    assert first["related"][0]["score"] > 0
    assert client.get("/products/moka-pot/related").json() == first


def errors(client):
    """errors: 404 as a page, 405, 500 with the worker alive afterwards"""
    missing = client.get("/no/such/page")
    assert missing.status_code == 404
    assert "Back to the shop" in missing.text
    assert client.delete("/products").status_code == 405
    before = worker_pids(client)
    for _ in range(3):
        assert client.get("/lab/error").status_code == 500
    assert worker_pids(client) <= before, "a worker was replaced after an exception"


def worker_pids(client):
    with ThreadPoolExecutor(8) as pool:
        answers = pool.map(lambda _: client.get("/lab/worker").json(), range(40))
        return {answer["pid"] for answer in answers if answer["server"].startswith("fettle")}


def many_at_once(client):
    """200 requests from 10 clients at once, all answered"""
    paths = ["/", "/products", "/api/products", "/products/compass", "/cart"] * 40
    with ThreadPoolExecutor(10) as pool:
        statuses = list(pool.map(lambda path: client.get(path).status_code, paths))
    assert statuses == [200] * 200


CHECKS = [
    pages,
    buying,
    json_api,
    upload_and_download,
    ranges,
    export,
    live_stream,
    slow_route,
    cpu_route,
    errors,
    many_at_once,
]

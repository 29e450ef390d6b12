"""A Django site: admin with login and uploads, static files by WhiteNoise, downloads by Django's own view. Client: httpx."""

import gzip
import os
import re
from concurrent.futures import ThreadPoolExecutor

import httpx

from .service import HERE, by_command_line, by_file, run as run_command, serving, virtual_environment

SITE = HERE / "django_site"
USER, PASSWORD = "admin", "correct horse"
LARGE, SMALL = 3 * 1024 * 1024 + 17, 1234
VARIANTS = {
    "fettle serve, app.preload = true": by_file("django", "wsgi", SITE),
    "fettle serve, app.preload = false": by_file("django", "wsgi", SITE, {"app": {"preload": False}}),
    "fettle run wsgi -w 2 --threads 4": by_command_line("django", "wsgi", SITE, "--threads", 4),
}
# The page that fails on purpose; Django writes its traceback to standard error.
EXPECTED_LOG = ["Traceback", "RuntimeError: this page always fails"]


def run(section, folder):
    data = folder / "data"
    data.mkdir()
    env = {"SITE_DATA": str(data), "DJANGO_SUPERUSER_PASSWORD": PASSWORD}
    with section.vital_step("manage.py migrate, createsuperuser, collectstatic"):
        manage = (virtual_environment("django") / "bin/python", SITE / "manage.py")
        run_command(*manage, "migrate", "--verbosity", 0, env=env)
        run_command(*manage, "createsuperuser", "--noinput", "--username", USER, "--email", "a@example.com", env=env)
        run_command(*manage, "collectstatic", "--noinput", "--verbosity", 0, env=env)
    for number, (how, arguments) in enumerate(VARIANTS.items()):
        with (
            serving(section, folder / f"fettle{number}", how, arguments, lambda one: one.get("/admin/login/"), env, EXPECTED_LOG) as server,
            httpx.Client(base_url=server.url, timeout=30) as http,
        ):
            with section.step(anonymous.__doc__):
                anonymous(http)
            with section.vital_step(login.__doc__):
                login(http)
            for check in (uploads, many_at_once, static_files, streaming, too_large_a_form, failing_page, logout):
                with section.step(check.__doc__):
                    check(http)


def token(page):
    return re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page).group(1)


def submit(http, path, fields, files=None):
    """Gets a form and posts it, as a browser does; returns the response to the POST."""
    form = http.get(path)
    assert form.status_code == 200, f"{path}: {form.status_code}"
    return http.post(
        path, data={"csrfmiddlewaretoken": token(form.text), **fields}, files=files, headers={"Referer": str(form.url)}
    )


# ---- checks; the docstring is the step's name


def anonymous(http):
    """httpx: the admin redirects to its login page; a POST without CSRF token gets 403"""
    redirect = http.get("/admin/")
    assert (redirect.status_code, redirect.headers["location"]) == (302, "/admin/login/?next=/admin/")
    assert http.post("/admin/login/", data={"username": USER, "password": PASSWORD}).status_code == 403
    refused = submit(http, "/admin/login/", {"username": USER, "password": "wrong"})
    assert refused.status_code == 200 and "Please enter the correct username" in refused.text


def login(http):
    """httpx session: admin login with CSRF token and session cookie"""
    response = submit(http, "/admin/login/?next=/admin/", {"username": USER, "password": PASSWORD})
    assert (response.status_code, response.headers["location"]) == (302, "/admin/")
    assert "sessionid" in http.cookies
    assert "Pictures" in http.get("/admin/").text


def uploads(http):
    """admin: add with 3 MB and with 1 KB, download equals upload, change, delete"""
    for size in (LARGE, SMALL):
        content = os.urandom(size)
        number = add(http, f"Picture of {size} bytes é", content)
        link = download_link(http, number)
        assert http.get(link).content == content
        assert http.get(link).headers["content-length"] == str(size)
        replaced = os.urandom(size // 2)
        changed = submit(
            http, f"/admin/gallery/picture/{number}/change/", {"title": "changed"}, {"file": ("new.bin", replaced)}
        )
        assert changed.status_code == 302, changed.text
        assert http.get(download_link(http, number)).content == replaced
        deleted = submit(http, f"/admin/gallery/picture/{number}/delete/", {"post": "yes"})
        assert deleted.status_code == 302
        assert http.get(f"/admin/gallery/picture/{number}/change/").status_code == 302


def add(http, title, content):
    """The number of a new picture."""
    added = submit(
        http,
        "/admin/gallery/picture/add/",
        {"title": title, "_continue": "Save"},
        {"file": ("picture.bin", content, "application/octet-stream")},
    )
    assert added.status_code == 302, added.text
    return re.search(r"/picture/(\d+)/change/", added.headers["location"]).group(1)


def download_link(http, number):
    page = http.get(f"/admin/gallery/picture/{number}/change/").text
    return re.search(r'href="(/media/pictures/[^"]+)"', page).group(1)


def many_at_once(http):
    """8 clients at once upload 300 KB each and read them back"""

    def one(number):
        with httpx.Client(base_url=http.base_url, cookies=http.cookies, timeout=60) as client:
            content = os.urandom(300_000 + number)
            return client.get(download_link(client, add(client, f"number {number}", content))).content == content

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(one, range(8)))


def static_files(http):
    """WhiteNoise: the admin's style sheet plain, gzipped, immutable, 304, range, HEAD"""
    link = re.search(r'href="(/static/admin/css/base[^"]*\.css)"', http.get("/admin/").text).group(1)
    plain = http.get(link, headers={"Accept-Encoding": "identity"})
    assert (plain.status_code, plain.headers["content-type"]) == (200, 'text/css; charset="utf-8"')
    assert "immutable" in plain.headers["cache-control"]
    with http.stream("GET", link, headers={"Accept-Encoding": "gzip"}) as zipped:
        assert zipped.headers["content-encoding"] == "gzip"
        assert gzip.decompress(b"".join(zipped.iter_raw())) == plain.content
    modified = plain.headers["last-modified"]
    assert http.get(link, headers={"If-Modified-Since": modified}).status_code == 304
    part = http.get(link, headers={"Range": "bytes=100-299", "Accept-Encoding": "identity"})
    assert (part.status_code, part.content) == (206, plain.content[100:300])
    head = http.head(link, headers={"Accept-Encoding": "identity"})
    assert (head.content, head.headers["content-length"]) == (b"", str(len(plain.content)))


def streaming(http):
    """StreamingHttpResponse: 20,000 lines; cut short by the client, then the next request"""
    assert http.get("/count/20000").text == "".join(f"line {number}\n" for number in range(20000))
    with http.stream("GET", "/count/2000000") as response:
        assert next(response.iter_lines()) == "line 0"
    assert http.get("/count/1").text == "line 0\n"


def too_large_a_form(http):
    """a form of 3 MB is refused by Django's own limit (400); one of 2 MB is taken"""
    csrf = {"X-CSRFToken": token(http.get("/admin/gallery/picture/add/").text)}
    assert http.post("/note", data={"text": "x" * 3_000_000}, headers=csrf).status_code == 400
    assert http.post("/note", data={"text": "x" * 2_000_000}, headers=csrf).json() == {"text": 2_000_000}


def failing_page(http):
    """a view that raises is Django's 500 page; the next request is served"""
    assert http.get("/fails").status_code == 500
    assert http.get("/count/1").status_code == 200


def logout(http):
    """admin: logout ends the session"""
    page = http.get("/admin/")
    done = http.post("/admin/logout/", data={"csrfmiddlewaretoken": token(page.text)})
    assert done.status_code == 200
    assert http.get("/admin/").status_code == 302

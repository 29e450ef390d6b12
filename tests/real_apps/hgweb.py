"""Mercurial's hgweb, driven by hg: push and clone of 5 MB, discovery with long arguments, a refused push, pages."""

import hashlib
import io
import os
import tarfile

import httpx

from .service import SITES, by_command_line, by_file, run as run_command, serving, virtual_environment

MEGABYTES = 5
# Configuration of the repositories: arguments of commands in X-HgArg headers or in the body; nobody may push.
REPOSITORIES = {
    "headers": "[web]\nallow-push = *\npush_ssl = false\nallow-archive = gz\n",
    "postargs": "[web]\nallow-push = *\npush_ssl = false\nallow-archive = gz\n[experimental]\nhttppostargs = true\n",
    "readonly": "[web]\npush_ssl = false\n",
}

def run(section, folder):
    variants = [
        ("fettle serve, http.stream_body = false", by_file("hgweb", "hgweb_site", SITES), {}),
        (
            "fettle run --no-preload --threads 2, FETTLE_HTTP_STREAM_BODY=true",
            by_command_line("hgweb", "hgweb_site", SITES, "--no-preload", "--threads", 2),
            {"FETTLE_HTTP_STREAM_BODY": "true"},
        ),
    ]
    for number, (how, arguments, more) in enumerate(variants):
        place = folder / f"variant{number}"
        place.mkdir()
        env = {"HGWEB_CONFIG": str(create_repositories(place)), "HGRCPATH": "", **more}
        with serving(section, place / "fettle", how, arguments, visit, env) as server:
            for name in ("headers", "postargs"):
                hg = Mercurial(place / f"clients-{name}", f"{server.url}/{name}")
                with section.vital_step(f"{name}: hg push of {MEGABYTES} MB of random bytes; hg identify of the server"):
                    push(hg)
                for check in (clones, second_push, discovery, pages):
                    with section.step(f"{name}: {check.__doc__}"):
                        check(hg)
            with section.step(refused_push.__doc__):
                refused_push(Mercurial(place / "clients-readonly", f"{server.url}/readonly"))


def create_repositories(folder):
    """The server's repositories, empty; returns the file that lists them."""
    hg = virtual_environment("hgweb") / "bin/hg"
    listed = ["[paths]"]
    for name, settings in REPOSITORIES.items():
        repository = folder / "served" / name
        repository.parent.mkdir(exist_ok=True)
        run_command(hg, "init", repository, env={"HGRCPATH": ""})
        (repository / ".hg/hgrc").write_text(settings)
        listed.append(f"{name} = {repository}")
    file = folder / "hgweb.config"
    file.write_text("\n".join(listed) + "\n")
    return file


def visit(server):
    for name in REPOSITORIES:
        assert server.get(f"/{name}").status == 200


class Mercurial:
    """The hg of this machine in a folder of clones, with no configuration but a user's name."""

    def __init__(self, folder, url):
        self.folder = folder
        self.url = url
        folder.mkdir()

    def __call__(self, *words, repository=None, check=True):
        place = self.folder / repository if repository else self.folder
        done = run_command("hg", *words, folder=place, env={"HGRCPATH": "", "HGUSER": "test"}, check=check)
        return done if not check else done.stdout.decode()

    def commit(self, repository, name, content):
        (self.folder / repository / name).write_bytes(content)
        self("commit", "--addremove", "--quiet", "-m", f"adds {name}", repository=repository)

    def contents(self, repository):
        return {
            file.name: hashlib.sha256(file.read_bytes()).hexdigest()
            for file in (self.folder / repository).iterdir()
            if file.is_file()
        }


# ---- checks; the docstring is the step's name


def push(hg):
    hg("clone", "--quiet", hg.url, "author")
    hg.commit("author", "random.bin", os.urandom(MEGABYTES * 1024 * 1024))
    hg("push", repository="author")
    assert hg("identify", "--id", hg.url).strip() == hg("identify", "--id", repository="author").strip()


def clones(hg):
    """hg clone by pull and by stream, hg verify: every file is the same"""
    for name, option in {"reader": "--pull", "copy": "--stream"}.items():
        hg("clone", "--quiet", option, hg.url, name)
        assert hg.contents(name) == hg.contents("author")
        assert "checked 1 changesets" in hg("verify", repository=name)


def second_push(hg):
    """hg push, incoming, pull -u, outgoing: another 5 MB"""
    hg.commit("author", "random.bin", os.urandom(MEGABYTES * 1024 * 1024))
    hg.commit("author", "short.txt", "ü\n".encode())
    hg("push", repository="author")
    assert hg("incoming", "--template", "{desc}\n", "--quiet", repository="reader") == "adds random.bin\nadds short.txt\n"
    hg("pull", "--update", repository="reader")
    assert hg.contents("reader") == hg.contents("author")
    assert hg("incoming", repository="reader", check=False).returncode == 1
    assert hg("outgoing", repository="reader", check=False).returncode == 1


def discovery(hg):
    """hg push, incoming with 300 heads: arguments beyond one header line"""
    hg("clone", "--quiet", hg.url, "heads")
    hg("init", "dag")
    hg("debugbuilddag", "+1:root" + "*root" * 300, repository="dag")
    hg("pull", "--quiet", "--force", "../dag", repository="heads")
    hg("push", "--force", repository="heads")
    heads = hg("heads", "--template", "{node}\n", repository="heads").split()
    assert len(heads) > 300
    hg("clone", "--quiet", "--noupdate", hg.url, "all")
    assert sorted(hg("heads", "--template", "{node}\n", repository="all").split()) == sorted(heads)
    hg.commit("author", "more.txt", b"more\n")
    hg("push", "--force", repository="author")
    assert hg("incoming", "--template", "{desc}\n", "--quiet", repository="all") == "adds more.txt\n"


def pages(hg):
    """a browser's pages: log, graph, diff, raw file of 5 MB, archive, style sheet"""
    with httpx.Client(base_url=hg.url, timeout=30) as http:
        tip = hg("log", "-r", "max(file('random.bin'))", "--template", "{node}", repository="author")
        for path in ("/", "/graph", "/rev/" + tip, "/file/" + tip, f"/diff/{tip}/random.bin", "/static/style-paper.css"):
            response = http.get(path)
            assert response.status_code == 200, path
        raw = http.get(f"/raw-file/{tip}/random.bin").content
        assert raw == (hg.folder / "author/random.bin").read_bytes()
        archive = tarfile.open(fileobj=io.BytesIO(http.get(f"/archive/{tip}.tar.gz").content))
        assert any(name.endswith("/random.bin") for name in archive.getnames())
        capabilities = http.get("/?cmd=capabilities").text.split()
        assert ("httppostargs" in capabilities) == hg.url.endswith("postargs")
        assert http.get("/rev/unknown").status_code == 404


def refused_push(hg):
    """readonly: a push of 5 MB is refused with hgweb's own words"""
    hg("clone", "--quiet", hg.url, "author")
    hg.commit("author", "random.bin", os.urandom(MEGABYTES * 1024 * 1024))
    refused = hg("push", repository="author", check=False)
    assert refused.returncode != 0
    assert b"authorization failed" in refused.stderr, refused.stderr

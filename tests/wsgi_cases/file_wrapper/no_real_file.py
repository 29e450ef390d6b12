"""Anything with read() will do: memory, archives, decompressors with a fileno() of something else."""

import gzip
import io
import zipfile

from case_support import FOLDER, TEXT

CLAUSE = "Optional Platform-Specific File Handling: 'the object supplied by the application must have a read() method'"


def application(environ, start_response):
    path = f"{FOLDER}/packed-{environ['HTTP_X_RUN']}"

    def from_gzip():
        with gzip.open(path, "wb") as file:
            file.write(b"unpacked")
        return gzip.open(path, "rb")

    def from_zip():
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("member", b"unpacked")
        return zipfile.ZipFile(path).open("member")

    kinds = {"/memory": lambda: io.BytesIO(b"unpacked"), "/gzip": from_gzip, "/zip": from_zip}
    start_response("200 OK", TEXT)
    return environ["wsgi.file_wrapper"](kinds[environ["PATH_INFO"]]())


def check(exchange):
    for target in ("/memory", "/gzip", "/zip"):
        assert exchange.get(target).body == b"unpacked"

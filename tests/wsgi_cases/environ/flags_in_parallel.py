"""Several processes with several threads say so."""

from case_support import TEXT, note

CLAUSE = "environ Variables: wsgi.multithread, wsgi.multiprocess, wsgi.run_once; Thread Support"
CONFIG = {"concurrency": {"processes": 2, "threads": 2}}


def application(environ, start_response):
    note(environ, [environ[f"wsgi.{name}"] for name in ("multithread", "multiprocess", "run_once")])
    start_response("200 OK", TEXT)
    return [b""]


def check(exchange):
    exchange.get()

    assert exchange.notes() == [[True, True, False]]

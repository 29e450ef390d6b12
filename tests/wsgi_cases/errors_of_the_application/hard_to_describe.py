"""An exception that cannot be printed, or is deep, or has no end of text, is logged as far as it goes."""

from case_support import TEXT

CLAUSE = "Error Handling: 'trap and log any exception'"


class Unprintable(Exception):
    def __str__(self):
        raise ValueError("not even that")


def deep():
    return deep()


def application(environ, start_response):
    start_response("200 OK", TEXT)
    if environ["PATH_INFO"] == "/unprintable":
        raise Unprintable
    if environ["PATH_INFO"] == "/forged":
        raise RuntimeError("first line\n2026-01-01 00:00:00.000 +00:00 [1] worker error: forged")
    return [str(deep()).encode()]


def check(exchange):
    for target in ("/unprintable", "/deep", "/forged"):
        assert exchange.get(target).status == 500
    exchange.wait_log(r"worker error: application error .*: RuntimeError: first line$")


LOG = ["Unprintable", "RecursionError: maximum recursion depth", "RuntimeError: first line", "forged"]

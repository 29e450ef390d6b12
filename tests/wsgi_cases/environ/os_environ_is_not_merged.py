"""The process's environment does not get into the environ: secrets in it would be on every error page."""

import os

from case_support import TEXT, note

CLAUSE = (
    "environ Variables: the dictionary 'may also contain arbitrary operating-system \"environment variables\"'; "
    "ours does not"
)


def application(environ, start_response):
    note(environ, ["PATH" in os.environ, sorted(set(os.environ) & set(environ))])
    start_response("200 OK", TEXT)
    return [b""]


def check(exchange):
    exchange.get()

    assert exchange.notes() == [[True, []]]

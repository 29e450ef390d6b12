"""Has a handler for SIGTERM of its own."""

import signal

SEEN = []
signal.signal(signal.SIGTERM, lambda *_: SEEN.append("term"))


def application(environ, start_response):
    start_response("200 OK", [])
    return [",".join(SEEN).encode()]

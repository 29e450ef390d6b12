"""The system refuses further threads."""

import threading


def refuse(_):
    raise RuntimeError("can't start new thread")


threading.Thread.start = refuse


def application(environ, start_response):
    start_response("200 OK", [])
    return []

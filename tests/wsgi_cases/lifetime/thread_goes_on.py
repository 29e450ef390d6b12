"""A thread that goes on after its response disturbs nobody: not the response, not the requests after it."""

import threading

from case_support import TEXT, noter, wait_at_gate

CLAUSE = "Thread Support"


def application(environ, start_response):
    note = noter(environ)
    start_response("200 OK", [*TEXT, ("Content-Length", "4")])
    if environ["PATH_INFO"] == "/start":

        def go_on():
            wait_at_gate(environ)
            note(environ["PATH_INFO"])

        threading.Thread(target=go_on).start()
    return [b"done"]


def check(exchange):
    connection = exchange.connect()
    assert connection.request("GET", "/start", exchange.headers).body == b"done"
    for _ in range(3):
        assert connection.request("GET", "/other", exchange.headers).body == b"done"
    exchange.open_gate()
    assert exchange.wait_notes(1) == ["/start"]

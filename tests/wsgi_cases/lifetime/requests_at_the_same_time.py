"""Requests that run at the same time in one process have nothing in common but the process."""

import threading

from case_support import TEXT, note, wait_at_gate

CLAUSE = "Thread Support; environ Variables: wsgi.multithread"
CONFIG = {"concurrency": {"threads": 3}}


def application(environ, start_response):
    name = environ["PATH_INFO"][1:]
    start_response("200 OK", [*TEXT, ("X-Name", name)])
    wait_at_gate(environ, name)
    note(environ, [name, environ["PATH_INFO"], threading.current_thread().name])
    return [name.encode(), b" ", environ["wsgi.input"].read(100)]


def check(exchange):
    names = ("a", "b", "c")
    connections = [exchange.send("POST", f"/{name}", body=f"body {name}".encode()) for name in names]
    for name in names:
        exchange.wait_gate(name)
    for name, connection in reversed(list(zip(names, connections))):
        exchange.open_gate(name)
        response = connection.response()
        assert (response.header("X-Name"), response.body) == (name, f"{name} body {name}".encode())
    assert len({thread for _, _, thread in exchange.notes()}) == 3

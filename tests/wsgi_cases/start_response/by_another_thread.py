"""Another thread of the application may start the response while the request runs."""

import threading

from case_support import TEXT

CLAUSE = "Thread Support; The start_response() Callable"


def application(environ, start_response):
    def start():
        write = start_response("201 Created", [*TEXT, ("X-Thread", threading.current_thread().name)])
        write(b"elsewhere ")

    thread = threading.Thread(target=start, name="another")
    thread.start()
    thread.join()
    return [b"and here"]


def check(exchange):
    response = exchange.get()
    assert (response.status, response.header("X-Thread"), response.body) == (201, "another", b"elsewhere and here")

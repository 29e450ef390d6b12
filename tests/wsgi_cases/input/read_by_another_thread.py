"""Another thread of the application may read the body while the request runs."""

import threading

from case_support import TEXT

CLAUSE = "Thread Support; Input and Error Streams"


def application(environ, start_response):
    found = []
    reader = threading.Thread(target=lambda: found.append(environ["wsgi.input"].read(100)))
    reader.start()
    reader.join()
    start_response("200 OK", TEXT)
    return found


def check(exchange):
    assert exchange.request("POST", body=b"read elsewhere").body == b"read elsewhere"

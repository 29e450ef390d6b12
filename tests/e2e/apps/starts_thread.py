"""An application whose import starts a thread that does not survive a fork: it must not be preloaded."""

import os
import threading

threading.Thread(target=threading.Event().wait, name="starts-thread-ticker", daemon=True).start()
IMPORTED_BY = os.getpid()


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"{IMPORTED_BY} {os.getpid()}".encode()]

"""Its import leaves a thread running."""

import threading

threading.Thread(target=threading.Event().wait, name="a-ticker", daemon=True).start()


def application(environ, start_response):
    start_response("200 OK", [])
    return [b""]

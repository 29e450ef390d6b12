"""print(), traceback and a logging handler write to it; a handler that keeps it works beyond the request."""

import logging
import traceback

from case_support import TEXT

CLAUSE = "environ Variables: wsgi.errors is 'an output stream (file-like object) to which error output can be written'"
LOGGER = logging.getLogger("case.errors.used_as_a_stream")
LOGGER.propagate = False


def application(environ, start_response):
    run, errors = environ["HTTP_X_RUN"], environ["wsgi.errors"]
    if not LOGGER.handlers:
        LOGGER.addHandler(logging.StreamHandler(errors))
    LOGGER.warning("%s logged %s", run, environ["PATH_INFO"])
    print(run, "printed", 1, file=errors, flush=True)
    try:
        raise KeyError(run)
    except KeyError:
        traceback.print_exc(limit=0, file=errors)
    start_response("200 OK", TEXT)
    return [b""]


def check(exchange):
    exchange.get("/1")
    exchange.get("/2")
    for pattern in ("logged /1", "printed 1", "logged /2"):
        exchange.wait_log(rf"^{exchange.run} {pattern}$")
    exchange.wait_log(rf"^KeyError: '{exchange.run}'$")


LOG = ["^KeyError: "]

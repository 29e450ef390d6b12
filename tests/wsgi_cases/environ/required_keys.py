"""Every key that PEP 3333 requires is there, with a value of its type."""

import json

from case_support import TEXT

CLAUSE = "environ Variables: the table of required variables"

REQUIRED = {
    "REQUEST_METHOD": str,
    "SCRIPT_NAME": str,
    "PATH_INFO": str,
    "QUERY_STRING": str,
    "SERVER_NAME": str,
    "SERVER_PORT": str,
    "SERVER_PROTOCOL": str,
    "wsgi.version": tuple,
    "wsgi.url_scheme": str,
    "wsgi.multithread": bool,
    "wsgi.multiprocess": bool,
    "wsgi.run_once": bool,
}


def application(environ, start_response):
    wrong = [key for key, kind in REQUIRED.items() if type(environ.get(key)) is not kind]
    wrong += [key for key in ("REQUEST_METHOD", "SERVER_NAME", "SERVER_PORT") if not environ.get(key)]
    wrong += [] if environ["wsgi.version"] == (1, 0) else ["wsgi.version"]
    start_response("200 OK", TEXT)
    return [json.dumps(wrong).encode()]


def check(exchange):
    assert json.loads(exchange.get().body) == []

"""Requests that the zygote makes to the application before it forks (app.warmup): what the application builds on its
first requests, compiled templates and filled caches, is then there once and shared, not built and kept by every worker.
"""

import io
import sys
import traceback
import urllib.parse
import wsgiref.util


def run(application, paths, multiprocess=True, script_name=""):
    """Gets each path, in order. What fails is reported on standard error and does not stop the others."""
    for path in paths:
        try:
            status = _get(application, _environ(path, multiprocess, script_name))
            if not status.startswith(("2", "3")):
                print(f"fettle: app.warmup: GET {path} was answered with {status}", file=sys.stderr)
        except (Exception, SystemExit):
            print(f"fettle: app.warmup: GET {path} failed", file=sys.stderr)
            traceback.print_exc()


def _get(application, environ):
    """The response's status line; its body is run to the end."""
    statuses = []

    def start_response(status, headers, exc_info=None):
        statuses.append(status)
        return lambda data: None

    body = application(environ, start_response)
    try:
        for _ in body:
            pass
    finally:
        if hasattr(body, "close"):
            body.close()
    return statuses[-1]


def _environ(target, multiprocess, script_name):
    """What a request of a client would bring (worker/native/environ.cpp), as far as there is no client."""
    path, _, query = target.partition("?")
    mount = script_name.encode("utf-8", "surrogateescape").decode("latin-1")
    return {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": mount,
        "PATH_INFO": _below(mount, urllib.parse.unquote_to_bytes(path).decode("latin-1")),
        "QUERY_STRING": query,
        "RAW_URI": target,
        "REQUEST_URI": target,
        "HTTP_HOST": "localhost",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "SERVER_SOFTWARE": "fettle",
        "REMOTE_ADDR": "127.0.0.1",
        "REMOTE_PORT": "0",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(),
        "wsgi.input_terminated": True,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": False,
        "wsgi.multiprocess": multiprocess,
        "wsgi.run_once": False,
        "wsgi.file_wrapper": wsgiref.util.FileWrapper,
        "fettle.request_id": "warmup",
        "fettle.warmup": True,
    }


def _below(mount, path):
    """What is left of a path at the mount point; all of it if it does not lie there."""
    inside = path.startswith(mount) and path[len(mount) :][:1] in ("", "/")
    return path[len(mount) :] if inside else path

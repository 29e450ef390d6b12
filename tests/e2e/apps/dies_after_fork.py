"""Imports well, but every forked worker dies before it is ready."""

import os

os.register_at_fork(after_in_child=lambda: os._exit(9) if os.environ.get("DIE_AFTER_FORK") else None)


def application(environ, start_response):
    start_response("200 OK", [])
    return [b""]

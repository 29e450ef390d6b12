"""Routes that show what the server does when an application is slow, wrong or gone."""

import os
import threading
import time

from flask import Blueprint, jsonify, request

blueprint = Blueprint("lab", __name__)


@blueprint.get("/delivery-quote")
def delivery_quote():
    """Waits for a courier's slow service: the worker sleeps, its CPU is free."""
    seconds = min(max(request.args.get("seconds", 1.0, type=float), 0.0), 30.0)
    time.sleep(seconds)
    return jsonify(courier="Tortoise & Sons", euros=4.90, waited_seconds=seconds)


@blueprint.get("/lab/error")
def error():
    raise RuntimeError("this route always fails")


@blueprint.get("/lab/worker")
def worker():
    """Who served this request."""
    return jsonify(
        pid=os.getpid(),
        parent=os.getppid(),
        thread=threading.current_thread().name,
        server=request.environ.get("SERVER_SOFTWARE"),
    )

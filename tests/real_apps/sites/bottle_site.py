"""The same four routes in each framework: a page, JSON, an upload, a stream."""

import hashlib

import bottle

application = bottle.Bottle()


@application.get("/hello/<name>")
def hello(name):
    return f"Hello {name}!"


@application.post("/json")
def repeat():
    return {"got": bottle.request.json}


@application.post("/upload")
def upload():
    return hashlib.sha256(bottle.request.files.get("file").file.read()).hexdigest()


@application.get("/stream")
def stream():
    return (f"line {number}\n".encode() for number in range(1000))

"""The same four routes in each framework: a page, JSON, an upload, a stream."""

import hashlib

from pyramid.config import Configurator
from pyramid.response import Response


def hello(request):
    return Response(f"Hello {request.matchdict['name']}!")


def repeat(request):
    return {"got": request.json_body}


def upload(request):
    return Response(hashlib.sha256(request.POST["file"].file.read()).hexdigest())


def stream(request):
    return Response(app_iter=(f"line {number}\n".encode() for number in range(1000)))


with Configurator() as config:
    config.add_route("hello", "/hello/{name}")
    config.add_route("json", "/json")
    config.add_route("upload", "/upload")
    config.add_route("stream", "/stream")
    config.add_view(hello, route_name="hello")
    config.add_view(repeat, route_name="json", renderer="json", request_method="POST")
    config.add_view(upload, route_name="upload", request_method="POST")
    config.add_view(stream, route_name="stream")
    application = config.make_wsgi_app()

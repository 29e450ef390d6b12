"""The same four routes in each framework: a page, JSON, an upload, a stream."""

import hashlib

import falcon


class Hello:
    def on_get(self, request, response, name):
        response.content_type = falcon.MEDIA_TEXT
        response.text = f"Hello {name}!"


class Repeat:
    def on_post(self, request, response):
        response.media = {"got": request.get_media()}


class Upload:
    def on_post(self, request, response):
        for part in request.get_media():
            response.text = hashlib.sha256(part.stream.read()).hexdigest()


class Stream:
    def on_get(self, request, response):
        response.stream = (f"line {number}\n".encode() for number in range(1000))


application = falcon.App()
application.add_route("/hello/{name}", Hello())
application.add_route("/json", Repeat())
application.add_route("/upload", Upload())
application.add_route("/stream", Stream())

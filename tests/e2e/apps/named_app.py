"""Only `app`: the second name fettle tries."""


def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"named app"]


class Factory:
    """Something inside a dotted attribute: named_app:Factory.inner"""

    @staticmethod
    def inner(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"inner"]

"""The algorithm of PEP 3333 rebuilds the URL that the client asked for."""

from urllib.parse import quote

from case_support import TEXT

CLAUSE = "URL Reconstruction"


def application(environ, start_response):
    url = environ["wsgi.url_scheme"] + "://"
    if environ.get("HTTP_HOST"):
        url += environ["HTTP_HOST"]
    else:
        url += environ["SERVER_NAME"]
        if environ["SERVER_PORT"] != ("443" if environ["wsgi.url_scheme"] == "https" else "80"):
            url += ":" + environ["SERVER_PORT"]
    url += quote(environ.get("SCRIPT_NAME", "").encode("latin-1"))
    url += quote(environ.get("PATH_INFO", "").encode("latin-1"))
    if environ.get("QUERY_STRING"):
        url += "?" + environ["QUERY_STRING"]
    start_response("200 OK", TEXT)
    return [url.encode()]


def check(exchange):
    target = "/caf%C3%A9/a%20b?x=%20&y=1"

    assert exchange.get(target, [("Host", "shop.test:8080")]).text == "http://shop.test:8080" + target
    assert exchange.get(target, version="HTTP/1.0").text == f"http://127.0.0.1:{exchange.server.port}{target}"

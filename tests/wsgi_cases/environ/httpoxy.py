"""The header Proxy does not become HTTP_PROXY, which CGI programs and their libraries take for the proxy to use."""

from case_support import TEXT, note

CLAUSE = "CVE-2016-5385 and its siblings (httpoxy): no HTTP_PROXY from a client; Proxy is no registered header"


def application(environ, start_response):
    note(environ, [environ.get("HTTP_PROXY"), environ.get("HTTP_X_PROXY")])
    start_response("200 OK", TEXT)
    return [b""]


def check(exchange):
    exchange.get("/", [("Proxy", "http://10.0.0.1:8080"), ("PROXY", "x"), ("X-Proxy", "stays")])

    assert exchange.notes() == [[None, "stays"]]

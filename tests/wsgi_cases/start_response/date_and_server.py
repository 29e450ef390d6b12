"""The server adds Date and Server, unless the application has its own, in whatever case it writes them."""

import re

from case_support import TEXT

CLAUSE = (
    "The start_response() Callable: 'the HTTP Date: and Server: headers would normally be supplied by the server "
    "or gateway'"
)

OWN = [("DATE", "Fri, 31 Dec 1999 23:59:59 GMT"), ("server", "mine")]


def application(environ, start_response):
    start_response("200 OK", TEXT + (OWN if environ["PATH_INFO"] == "/own" else []))
    return [b""]


def check(exchange):
    def of_server(response):
        return [(name, value) for name, value in response.headers if name.lower() in ("date", "server")]

    (date,) = [value for name, value in of_server(exchange.get("/")) if name == "Date"]
    assert re.fullmatch(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", date)
    assert [value for name, value in of_server(exchange.get("/")) if name == "Server"] == ["fettle"]
    assert of_server(exchange.get("/own")) == OWN

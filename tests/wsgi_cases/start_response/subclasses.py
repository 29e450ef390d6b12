"""Subclasses of str, tuple and list, as libraries make them, are as good as what they are."""

import collections

from case_support import note, raised

CLAUSE = "Unicode Issues: native strings; what isinstance() accepts is accepted"
VALIDATOR_SAYS = "AssertionError"  # it insists on the exact types


class Text(str):
    pass


Header = collections.namedtuple("Header", "name value")


class Headers(list):
    pass


def application(environ, start_response):
    headers = Headers([Header(Text("Content-Type"), Text("text/plain")), Header("X-Fine", "yes")])
    note(environ, raised(start_response, Text("200 OK"), headers))
    return [b"fine"]


def check(exchange):
    response = exchange.get()
    assert (response.header("X-Fine"), response.body) == ("yes", b"fine")
    assert exchange.notes() == [None]

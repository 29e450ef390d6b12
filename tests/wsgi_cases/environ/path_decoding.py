"""PATH_INFO is percent-decoded once, an encoded slash included; RAW_URI and REQUEST_URI keep what the client sent."""

from case_support import TEXT, note

CLAUSE = "environ Variables: PATH_INFO; RFC 3875 section 4.1.5: 'Unlike a URI path, the PATH_INFO is not URL-encoded'"


def application(environ, start_response):
    note(environ, [environ[key] for key in ("PATH_INFO", "QUERY_STRING", "RAW_URI", "REQUEST_URI")])
    start_response("200 OK", TEXT)
    return [b""]


def check(exchange):
    for target, path, query in (
        ("/a%20b%2Fc", "/a b/c", ""),
        ("/a%2fb/%2e%2e/c?x=%20y", "/a/b/../c", "x=%20y"),
        ("/%252F", "/%2F", ""),
        ("/plus+is+plus", "/plus+is+plus", ""),
        ("/semi;v=1/b", "/semi;v=1/b", ""),
        ("//two//slashes/", "//two//slashes/", ""),
        ("/a/../b/./c", "/a/../b/./c", ""),
    ):
        exchange.get(target)
        assert exchange.notes()[-1] == [path, query, target, target]

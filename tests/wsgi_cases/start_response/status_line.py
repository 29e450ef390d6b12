"""Code and reason go out as they were given, unusual ones too."""

from case_support import TEXT

CLAUSE = (
    "The start_response() Callable: 'a Status-Code and a Reason-Phrase, in that order and separated by a single "
    "space'"
)


def application(environ, start_response):
    start_response(environ["QUERY_STRING"].replace("_", " ").encode().decode("unicode_escape"), TEXT)
    return [b"body"]


def check(exchange):
    for status, code, reason in (
        ("200_OK", 200, "OK"),
        ("404_Nicht_da", 404, "Nicht da"),
        ("299_", 299, ""),
        ("418_I'm_a_teapot_(still)", 418, "I'm a teapot (still)"),
        ("599_Gr\\xfc\\xdfe", 599, "Gr\xfc\xdfe"),
    ):
        response = exchange.get(f"/?{status}")
        assert (response.status, response.reason, response.body) == (code, reason, b"body")

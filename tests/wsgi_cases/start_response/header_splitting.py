"""What an attacker put into a redirect ends in a 500, not in a header of the attacker's."""

from case_support import TEXT

CLAUSE = "The start_response() Callable: 'Each header_value must not include any control characters'"
VALIDATOR_SAYS = "AssertionError: Bad header value"


def application(environ, start_response):
    start_response("302 Found", [*TEXT, ("Location", "/?next=a\r\nSet-Cookie: admin=1\r\n\r\n<script>")])
    return [b""]


def check(exchange):
    response = exchange.get()
    assert response.status == 500
    assert response.header("Set-Cookie") is None
    assert b"script" not in response.body


LOG = ["ValueError: the value of a header has a control character: .'Location'"]

"""A piece of the body before start_response() is an error, in a list, from an iterator, even an empty one."""

from case_support import TEXT

CLAUSE = (
    "Specification Details: 'Applications must invoke start_response() before the iterable yields its first body "
    "bytestring'"
)
VALIDATOR_SAYS = "AssertionError: the application gave a body|start_response has not yet been called"


def application(environ, start_response):
    def too_late(first):
        yield first
        start_response("200 OK", TEXT)
        yield b"body"

    return {"/list": lambda: [b"body"], "/piece": lambda: too_late(b"x"), "/empty": lambda: too_late(b"")}.get(
        environ["PATH_INFO"], lambda: [b"body"]
    )()


def check(exchange):
    for target in ("/list", "/piece", "/empty"):
        assert exchange.get(target).status == 500


LOG = [r"AssertionError: the application gave a body before it called start_response\(\)"]

"""Exceptions beside Exception, GeneratorExit and StopIteration are errors like others: 500, and the worker stays."""

import os

from case_support import TEXT

CLAUSE = "Error Handling: servers 'should trap and log any exception that aborts an application'"


class Odd(BaseException):
    pass


KINDS = {"/odd": Odd, "/generator": GeneratorExit, "/stop": StopIteration}


def application(environ, start_response):
    if environ["PATH_INFO"] in KINDS:
        raise KINDS[environ["PATH_INFO"]]("raised by a case")
    start_response("200 OK", TEXT)
    return [str(os.getpid()).encode()]


def check(exchange):
    before = exchange.get("/").text
    for target in KINDS:
        assert exchange.get(target).status == 500
    assert exchange.get("/").text == before


LOG = ["Odd: raised by a case", "GeneratorExit: raised by", "StopIteration: raised by"]

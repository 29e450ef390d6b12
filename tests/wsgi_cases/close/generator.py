"""A generator whose client leaves sees GeneratorExit where it stands, and its finally runs once."""

from case_support import TEXT, noter

CLAUSE = "Specification Details: close() 'is intended to complement PEP 342's generator support'"


def application(environ, start_response):
    note = noter(environ)
    start_response("200 OK", TEXT)

    def pieces():
        try:
            while True:
                yield b"x" * 10_000
        except GeneratorExit:
            note("GeneratorExit")
            raise
        finally:
            note("finally")

    return pieces()


def check(exchange):
    connection = exchange.send()
    connection.head()
    connection.close()

    assert exchange.wait_notes(2) == ["GeneratorExit", "finally"]

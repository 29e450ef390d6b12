"""After the client has left, write() raises an OSError: an endless producer ends, without a traceback in the log."""

from case_support import TEXT, noter

CLAUSE = "The write() Callable; Error Handling: nobody made a mistake"


def application(environ, start_response):
    note = noter(environ)
    write = start_response("200 OK", TEXT)
    try:
        while True:
            write(b"x" * 10_000)
    except OSError as error:
        note(type(error).__name__)
        raise


def check(exchange):
    connection = exchange.send()
    assert connection.head().status == 200
    connection.close()

    assert exchange.wait_notes(1) == ["BrokenPipeError"]

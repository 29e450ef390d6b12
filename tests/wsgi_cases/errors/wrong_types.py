"""What is no str is refused with TypeError, and nothing of it is written."""

from case_support import TEXT, note, raised

CLAUSE = "environ Variables: wsgi.errors is 'a \"text mode\" stream'; Input and Error Streams"
BARE_ONLY = "the validator refuses it first"


def application(environ, start_response):
    errors = environ["wsgi.errors"]
    note(environ, [raised(errors.write, wrong).split(":")[0] for wrong in (b"bytes", None, 1)])
    note(environ, raised(errors.writelines, ["kept back ", b"bytes"]).split(":")[0])
    note(environ, raised(errors.writelines, 1).split(":")[0])
    errors.write(f"{environ['HTTP_X_RUN']} alone on its line\n")
    start_response("200 OK", TEXT)
    return [b""]


def check(exchange):
    exchange.get()

    assert exchange.notes() == [["TypeError"] * 3, "TypeError", "TypeError"]
    exchange.wait_log(rf"^{exchange.run} alone on its line$")

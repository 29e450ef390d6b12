"""write(), writelines() and flush() of wsgi.errors reach the log, in order."""

from case_support import TEXT

CLAUSE = "Input and Error Streams: flush(), write(str), writelines(seq) 'must be supported'"


def application(environ, start_response):
    errors = environ["wsgi.errors"]
    errors.write(f"{environ['HTTP_X_RUN']} first\n")
    errors.writelines(word for word in ("sec", "ond\nth", "ird\n"))
    errors.flush()
    start_response("200 OK", TEXT)
    return [b""]


def check(exchange):
    exchange.get()

    exchange.wait_log(rf"^{exchange.run} first\nsecond\nthird$")

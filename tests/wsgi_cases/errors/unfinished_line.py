"""A line without an end is written when it is flushed, and ended with its request: the next line is not glued to it."""

from case_support import TEXT, wait_at_gate

CLAUSE = "Input and Error Streams, note 4: flush()"


def application(environ, start_response):
    run, errors = environ["HTTP_X_RUN"], environ["wsgi.errors"]
    if environ["PATH_INFO"] == "/flushed":
        errors.write(f"{run} flushed")
        errors.flush()
        wait_at_gate(environ)
        errors.write(", and more")
    else:
        errors.write(f"{run} {environ['PATH_INFO']}")
    start_response("200 OK", TEXT)
    return [b""]


def check(exchange):
    exchange.get("/left")
    exchange.wait_log(rf"^{exchange.run} /left$")

    connection = exchange.send("GET", "/flushed")
    exchange.wait_log(rf"^{exchange.run} flushed")
    exchange.open_gate()
    connection.response()
    exchange.wait_log(rf"^{exchange.run} flushed, and more$")

    exchange.get("/last")
    exchange.wait_log(rf"^{exchange.run} /last$")

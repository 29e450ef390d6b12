"""A line that the application had no time to finish stands in front of its traceback, on a line of its own."""

CLAUSE = "Input and Error Streams, note 4: 'to minimize intermingling of data'"


def application(environ, start_response):
    errors = environ["wsgi.errors"]
    errors.write(f"{environ['HTTP_X_RUN']} {environ['PATH_INFO']}")
    if environ["PATH_INFO"] == "/flushed":
        errors.flush()
    raise RuntimeError("cut short")


def check(exchange):
    for target in ("/held", "/flushed"):
        assert exchange.get(target).status == 500
        exchange.wait_log(rf"(?s)^{exchange.run} {target}\n[^\n]* worker error: application error.*uri={target}")


LOG = ["RuntimeError: cut short"]

"""An exception before anything was sent is a 500 without the exception's words; the log has them, with the request."""

from case_support import TEXT

CLAUSE = "Error Handling: servers 'should trap and log any exception that aborts an application'"


def application(environ, start_response):
    if environ["PATH_INFO"] == "/started":
        start_response("200 OK", [*TEXT, ("X-Given", "yes")])
    raise RuntimeError("a secret in the message")


def check(exchange):
    for target in ("/", "/started"):
        response = exchange.get(target, [("X-Request-ID", f"case{target}".replace("/", "-"))])
        assert response.status == 500
        assert b"secret" not in response.body
        assert response.header("X-Given") is None
    exchange.wait_log(r"request_id=case- method=GET uri=/: RuntimeError: a secret in the message")
    exchange.wait_log(r"request_id=case-started ")
    exchange.wait_log(r"before_the_headers\.py\", line \d+, in application")


LOG = ["RuntimeError: a secret in the message"]

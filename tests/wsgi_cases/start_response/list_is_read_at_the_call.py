"""What happens to the list of headers after the call does not change the response."""

from case_support import TEXT

CLAUSE = "The start_response() Callable: it 'must store them for the server or gateway to transmit'"


def application(environ, start_response):
    headers = [*TEXT, ("X-Kept", "yes")]
    start_response("200 OK", headers)
    headers[-1] = ("X-Kept", "no\r\n")
    headers.append(("X-Added", "yes"))
    headers[0] = None
    return [b""]


def check(exchange):
    response = exchange.get()
    assert response.header("X-Kept") == "yes"
    assert response.header("X-Added") is None
    assert response.header("Content-Type") == "text/plain"

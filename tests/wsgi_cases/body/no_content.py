"""204 and 304 have no body, whatever the application returns, and the connection lives."""

CLAUSE = "RFC 9110 sections 15.3.5 and 15.4.5; RFC 9112 section 6.3"


def application(environ, start_response):
    status = environ["PATH_INFO"][1:]
    start_response(f"{status} Nothing", [("ETag", '"x"')])
    return [b"not to be sent"] if environ["QUERY_STRING"] == "list" else iter([b"not ", b"to be sent"])


def check(exchange):
    connection = exchange.connect()
    for target, status in (("/204?list", 204), ("/304?list", 304), ("/204?it", 204), ("/304?it", 304)):
        response = connection.request("GET", target, exchange.headers)
        assert (response.status, response.header("ETag")) == (status, '"x"')
        assert response.header("Transfer-Encoding") is None
        assert response.header("Content-Length") in (None, "14")  # of the 200 that a 304 stands for

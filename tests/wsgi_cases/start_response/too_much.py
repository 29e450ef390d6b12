"""More headers than a response can have are an error that says how many, at the call."""

from case_support import TEXT, note, raised

CLAUSE = "The start_response() Callable: errors in the headers are found 'at the time start_response is called'"


def application(environ, start_response):
    many = [("X-Many", "x")] * 600
    large = [("X-Large", "x" * 200_000)]
    for headers in (many, large):
        note(environ, raised(start_response, "200 OK", TEXT + headers, (None, None, None)).split(" headers ")[0])
    start_response("200 OK", [*TEXT, *[("X-Many", "x" * 100)] * 200], (None, None, None))
    return [b"fine"]


def check(exchange):
    response = exchange.get()
    assert response.body == b"fine"
    assert len([name for name, _ in response.headers if name == "X-Many"]) == 200
    assert exchange.notes() == ["ValueError: the response has more than 512"] * 2

"""The environ is a plain dict, and what the application does to it stays in its request."""

from case_support import TEXT, note

CLAUSE = (
    "Specification Details: 'a builtin Python dictionary (not a subclass ...), and the application is allowed to "
    "modify the dictionary in any way it desires'"
)


def application(environ, start_response):
    note(environ, [type(environ) is dict, "x.added" in environ, environ["SERVER_SOFTWARE"]])
    run = environ["HTTP_X_RUN"]
    environ["x.added"] = object()
    environ["SERVER_SOFTWARE"] = "changed"
    environ.clear()
    start_response("200 OK", TEXT)
    return [run.encode()]


def check(exchange):
    connection = exchange.connect()
    for _ in range(2):
        assert connection.request("GET", "/", exchange.headers).text == exchange.run
    assert len(exchange.notes()) == 2
    for plain, added, software in exchange.notes():
        assert plain
        assert not added
        assert software.startswith("fettle/")

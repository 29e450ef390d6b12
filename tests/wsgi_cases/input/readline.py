"""readline() ends behind each newline and gives the rest that has none."""

from case_support import TEXT, note

CLAUSE = "Input and Error Streams: readline()"


def application(environ, start_response):
    stream = environ["wsgi.input"]
    note(environ, [stream.readline().decode() for _ in range(6)])
    start_response("200 OK", TEXT)
    return [b""]


def check(exchange):
    body = b"one\n\ntwo\r\nthr\ree\nfour"
    exchange.request("POST", body=body)
    exchange.send_chunked([body[i : i + 1] for i in range(len(body))]).response()

    assert exchange.notes() == [["one\n", "\n", "two\r\n", "thr\ree\n", "four", ""]] * 2

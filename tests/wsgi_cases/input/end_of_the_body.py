"""At its end the stream gives empty strings, again and again, and never touches the next request."""

from case_support import TEXT, note

CLAUSE = "Input and Error Streams, note 1: 'simulate an end-of-file condition', 'return empty bytestrings'"


def application(environ, start_response):
    stream = environ["wsgi.input"]
    body = stream.read(1000)
    after = [stream.read(5), stream.readline(), *stream.readlines(), *stream, stream.read(1)]
    note(environ, [body.decode(), b"".join(after).decode()])
    start_response("200 OK", TEXT)
    return [b""]


def check(exchange):
    connection = exchange.connect()
    for body in (b"one", b"two"):
        head = b"POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 3\r\n" + exchange.raw_headers() + b"\r\n"
        connection.send(head + body)
    assert [connection.response().status for _ in range(2)] == [200, 200]

    assert exchange.notes() == [["one", ""], ["two", ""]]

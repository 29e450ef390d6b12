"""A part of a file: the position and Content-Length decide, and no byte more is sent."""

from case_support import FOLDER

CLAUSE = (
    "Optional Platform-Specific File Handling: 'until the end is reached, or until Content-Length bytes have been"
    " written'"
)


def application(environ, start_response):
    path = f"{FOLDER}/range-{environ['HTTP_X_RUN']}"
    with open(path, "wb") as file:
        file.write(bytes(range(256)) * 100)
    file = open(path, "rb")
    file.seek(1000)
    headers = [("Content-Type", "application/octet-stream"), ("Content-Length", "500")]
    start_response("206 Partial Content", [*headers, ("Content-Range", "bytes 1000-1499/25600")])
    return environ["wsgi.file_wrapper"](file, 64)


def check(exchange):
    connection = exchange.connect()
    for _ in range(2):
        response = connection.request("GET", "/", exchange.headers)
        assert (response.status, response.body) == (206, (bytes(range(256)) * 100)[1000:1500])

"""A report written to a temporary file and rewound is sent: the file has no name any more."""

import tempfile

from case_support import TEXT

CLAUSE = "Optional Platform-Specific File Handling"


def application(environ, start_response):
    spooled = environ["PATH_INFO"] == "/spooled"
    file = tempfile.SpooledTemporaryFile(max_size=100_000) if spooled else tempfile.TemporaryFile()
    for number in range(1000):
        file.write(b"row %d\n" % number)
    file.seek(0)
    start_response("200 OK", TEXT)
    return environ["wsgi.file_wrapper"](file)


def check(exchange):
    for target in ("/temporary", "/spooled"):
        assert exchange.get(target).body == b"".join(b"row %d\n" % number for number in range(1000))

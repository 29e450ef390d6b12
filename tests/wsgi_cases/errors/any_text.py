"""Every str can be written, lone surrogates included, and the log is UTF-8 whatever the locale is."""

from case_support import TEXT, note, raised

CLAUSE = "environ Variables: wsgi.errors 'should accept and log arbitrary unicode without raising an error'"


def application(environ, start_response):
    for text in ("Grüße, 世界 🎉", "lone \udcff\ud800", "nul \0 and bell \a"):
        note(environ, raised(environ["wsgi.errors"].write, f"{environ['HTTP_X_RUN']} {text}\n"))
    start_response("200 OK", TEXT)
    return [b""]


def check(exchange):
    exchange.get()

    assert exchange.notes() == [None, None, None]
    exchange.wait_log(rf"^{exchange.run} Grüße, 世界 🎉$")
    exchange.wait_log(rf"^{exchange.run} lone \\udcff\\ud800$")
    exchange.wait_log(rf"^{exchange.run} nul ")

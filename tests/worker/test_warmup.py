"""What an application sees of app.warmup."""

import pytest
from fettle import warmup


def seen(paths, **setting):
    """The environs that an application gets."""
    environs = []

    def application(environ, start_response):
        environs.append(environ)
        start_response("200 OK", [])
        return [b""]

    warmup.run(application, paths, **setting)
    return environs


@pytest.mark.parametrize(
    ("target", "below"), [("/shop/cart", "/cart"), ("/shop", ""), ("/shopping", "/shopping"), ("/cart", "/cart")]
)
def test_the_mount_point_is_cut_off_as_for_a_client_request(target, below):
    (environ,) = seen([target], script_name="/shop")

    assert (environ["SCRIPT_NAME"], environ["PATH_INFO"]) == ("/shop", below)


def test_the_environ_has_what_a_client_request_brings_and_says_that_it_is_none():
    (environ,) = seen(["/a%20b?c=d"])

    assert (environ["PATH_INFO"], environ["QUERY_STRING"], environ["RAW_URI"]) == ("/a b", "c=d", "/a%20b?c=d")
    assert environ["fettle.warmup"] is True
    for name in ("SERVER_SOFTWARE", "fettle.request_id", "wsgi.file_wrapper", "wsgi.errors", "HTTP_HOST"):
        assert environ[name], name


def test_a_path_that_fails_is_reported_and_the_next_one_is_got(capsys):
    reached = []

    def application(environ, start_response):
        if environ["PATH_INFO"] == "/broken":
            raise ZeroDivisionError("seven")
        reached.append(environ["PATH_INFO"])
        start_response("404 Not Found", [])
        return []

    warmup.run(application, ["/broken", "/missing"])

    assert reached == ["/missing"]
    complaint = capsys.readouterr().err
    assert "GET /broken failed" in complaint
    assert "seven" in complaint
    assert "GET /missing was answered with 404 Not Found" in complaint

"""Who the application and the access log take for the client: the peer, or whom a trusted proxy names."""

import json
import socket
import struct

import pytest
from devtools.http import Connection, request_bytes

PROXY, STRANGER = "127.0.0.1", "127.0.0.2"
SAID = [
    ("X-Forwarded-For", "203.0.113.9, 192.0.2.1"),
    ("X-Forwarded-Proto", "https"),
    ("X-Forwarded-Host", "shop.example"),
]


def behind(server, **http):
    lab = server(
        "lab",
        {
            "http": {"trusted_proxies": [PROXY], **http},
            "log": {"access": "access.log", "access_format": "%(h)s %(U)s %(s)s"},
        },
    )
    return lab.start()


def connect(lab, source):
    connection = lab.connect()
    connection.socket.close()
    connection.socket = socket.create_connection(lab.address, 20, (source, 0))
    return connection


def environ(connection, headers=()):
    return json.loads(connection.request("GET", "/environ", headers).body)


def logged(lab, line):
    path = lab.folder / "access.log"
    lab.wait_until(lambda: path.exists() and line in path.read_text().splitlines(), 10, f"'{line}' in the access log")


def test_a_trusted_proxy_names_client_scheme_and_host(server):
    lab = behind(server, forwarded="x-forwarded")

    env = environ(connect(lab, PROXY), SAID)

    assert env["REMOTE_ADDR"] == "192.0.2.1"
    assert env["REMOTE_PORT"] == ""
    assert env["wsgi.url_scheme"] == "https"
    assert (env["HTTP_HOST"], env["SERVER_NAME"], env["SERVER_PORT"]) == ("shop.example", "shop.example", "443")
    logged(lab, "192.0.2.1 /environ 200")


def test_a_stranger_names_nobody_and_his_words_are_kept_from_the_application(server):
    lab = behind(server, forwarded="x-forwarded")

    env = environ(connect(lab, STRANGER), [*SAID, ("Forwarded", "for=192.0.2.1"), ("X-Real-IP", "192.0.2.1")])

    assert env["REMOTE_ADDR"] == STRANGER
    assert env["wsgi.url_scheme"] == "http"
    assert env["HTTP_HOST"] == "test"
    assert env["SERVER_PORT"] == str(lab.port)
    assert not [key for key in env if "FORWARDED" in key or key == "HTTP_X_REAL_IP"]
    logged(lab, f"{STRANGER} /environ 200")


def test_the_standard_header_is_read_in_place_of_the_others(server):
    lab = behind(server, forwarded="forwarded")
    forwarded = ("Forwarded", 'for=192.0.2.1;proto=http, for="[2001:db8::7]:4711";proto=https;host=shop.example')

    env = environ(connect(lab, PROXY), [*SAID, forwarded])

    assert (env["REMOTE_ADDR"], env["REMOTE_PORT"]) == ("2001:db8::7", "4711")
    assert env["wsgi.url_scheme"] == "https"
    assert env["HTTP_HOST"] == "shop.example"
    assert env["HTTP_FORWARDED"] == forwarded[1]
    assert "HTTP_X_FORWARDED_FOR" not in env


def test_a_malformed_header_of_a_proxy_is_refused_with_its_reason(server):
    lab = behind(server, forwarded="forwarded")
    lab.expect_log(r"request failed status=400 reason='Forwarded is malformed\.' client=127\.0\.0\.1 ")

    assert connect(lab, PROXY).request("GET", "/", [("Forwarded", 'for="192.0.2.1')]).status == 400


def test_a_proxy_at_a_unix_socket_is_trusted_if_it_is_named(server, folder):
    lab = server(
        "lab",
        {
            "listen": {"bind": ["127.0.0.1:0", f"unix:{folder}/lab.sock"]},
            "http": {"trusted_proxies": ["unix"], "forwarded": "x-forwarded"},
        },
    ).start()

    with Connection(f"{folder}/lab.sock") as by_socket:
        assert environ(by_socket, SAID)["REMOTE_ADDR"] == "192.0.2.1"
    assert environ(lab.connect(), SAID)["REMOTE_ADDR"] == "127.0.0.1"


LINE = b"PROXY TCP4 192.0.2.1 198.51.100.1 40000 443\r\n"
ADDRESSES = socket.inet_aton("192.0.2.1") + socket.inet_aton("198.51.100.1") + struct.pack("!HH", 40000, 443)
SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
BINARY = SIGNATURE + struct.pack("!BBH", 0x21, 0x11, len(ADDRESSES)) + ADDRESSES
LOCAL = SIGNATURE + struct.pack("!BBH", 0x20, 0, 0)


@pytest.mark.parametrize("header", [LINE, BINARY], ids=["version 1", "version 2"])
@pytest.mark.parametrize("cut", [1, 1000], ids=["byte by byte", "at once"])
def test_a_proxy_protocol_header_names_the_client_of_all_its_requests(server, header, cut):
    lab = behind(server, proxy_protocol="require")
    connection = connect(lab, PROXY)
    data = header + request_bytes("GET", "/environ") + request_bytes("GET", "/environ")

    for start in range(0, len(data), cut):
        connection.send(data[start : start + cut])

    for _ in range(2):
        env = json.loads(connection.response().body)
        assert (env["REMOTE_ADDR"], env["REMOTE_PORT"]) == ("192.0.2.1", "40000")
        assert (env["SERVER_NAME"], env["SERVER_PORT"]) == ("198.51.100.1", "443")
    logged(lab, "192.0.2.1 /environ 200")


def test_a_health_check_of_the_proxy_itself_is_served(server):
    lab = behind(server, proxy_protocol="require")
    connection = connect(lab, PROXY)

    connection.send(LOCAL)

    assert environ(connection)["REMOTE_ADDR"] == PROXY


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (request_bytes("GET", "/"), "the connection does not begin with a PROXY header"),
        (b"PROXY TCP4 192.0.2.1 198.51.100.1 40000\r\n", "the line of the PROXY header is malformed"),
        (SIGNATURE + struct.pack("!BBH", 0x21, 0x11, 11) + bytes(11), "the PROXY header is shorter than its addresses"),
        (SIGNATURE + struct.pack("!BBH", 0x21, 0x11, 60000), "the PROXY header is too long"),
    ],
)
def test_a_connection_without_a_sound_header_is_closed_with_a_line_in_the_log(server, data, reason):
    lab = behind(server, proxy_protocol="require")
    lab.expect_log(rf"connection closed because of its PROXY header reason='{reason}' client=127\.0\.0\.1")

    connection = connect(lab, PROXY)
    connection.send(data)

    assert connection.ended()


def test_a_stranger_cannot_send_a_header(server):
    lab = behind(server, proxy_protocol="require")
    lab.expect_log(r"connection dropped reason='.*http\.trusted_proxies' client=127\.0\.0\.2")

    assert connect(lab, STRANGER).ended()

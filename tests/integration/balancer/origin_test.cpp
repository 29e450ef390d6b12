// Who the application sees: the peer, or whom a trusted proxy names.
#include "tests/integration/balancer/harness.h"

#include <catch2/catch.hpp>

using namespace fettle;
using namespace fettle::test;
using namespace std::chrono_literals;

namespace {

config::Config trusting(std::vector<std::string> proxies, config::ForwardedHeaders family,
                        config::ProxyProtocol proxy_protocol = config::ProxyProtocol::Off) {
    config::Config config;
    config.http.trusted_proxies = std::move(proxies);
    config.http.forwarded = family;
    config.http.proxy_protocol = proxy_protocol;
    config.log.access = "-";
    config.log.access_format = "%(h)s %(U)s %(s)s";
    return config;
}

constexpr auto kX = config::ForwardedHeaders::XForwarded;
constexpr auto kStandard = config::ForwardedHeaders::Forwarded;
constexpr auto kOff = config::ForwardedHeaders::Off;

config::Config behind_proxy_protocol(config::ForwardedHeaders family = kOff, std::vector<std::string> more = {}) {
    more.emplace_back("127.0.0.1");
    return trusting(std::move(more), family, config::ProxyProtocol::Require);
}

constexpr std::string_view kAll =
        "X-Forwarded-For: 198.51.100.9, 192.0.2.1\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: shop.example\r\n"
        "Forwarded: for=192.0.2.2;proto=http;host=other.example\r\n";

constexpr std::string_view kLine = "PROXY TCP4 192.0.2.1 198.51.100.1 40000 443\r\n";

// The same in version 2, with an extension that says that the client speaks TLS.
const std::string kBinary(
        "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x14\xc0\x00\x02\x01\xc6\x33\x64\x01\x9c\x40\x01\xbb\x20\0\x05\x01\0\0\0\0", 36);

}  // namespace

TEST_CASE("origin: a trusted proxy names client, scheme and host", "[balancer]") {
    Balancer sut(trusting({"127.0.0.0/8"}, kX), GENERATE(1U, 2U));
    const auto worker = sut.add_worker();
    Client client = sut.connect();

    client.send(get("/a", kAll));

    const auto request = worker->take();
    CHECK(request.client_address == "192.0.2.1");
    CHECK(request.client_port == 0);
    CHECK(request.https);
    CHECK(request.headers.at("host") == "shop.example");
    CHECK(request.server_name == "shop.example");
    CHECK(request.server_port == 443);
    CHECK(request.headers.at("x-forwarded-for") == "198.51.100.9, 192.0.2.1");
    CHECK(request.headers.count("forwarded") == 0);
    worker->respond(request, "ok");
    CHECK(client.receive().body == "ok");
    CHECK(sut.log().access_line_with("/a") == "192.0.2.1 /a 200");
}

TEST_CASE("origin: the other family names them if it is chosen", "[balancer]") {
    Balancer sut(trusting({"127.0.0.1"}, kStandard));
    const auto worker = sut.add_worker();
    Client client = sut.connect();

    client.send(get("/", kAll));

    const auto request = worker->take();
    CHECK(request.client_address == "192.0.2.2");
    CHECK_FALSE(request.https);
    CHECK(request.headers.at("host") == "other.example");
    CHECK(request.headers.count("forwarded") == 1);
    CHECK(request.headers.count("x-forwarded-for") == 0);
    CHECK(request.headers.count("x-forwarded-proto") == 0);
    worker->respond(request, "ok");
    CHECK(client.receive().body == "ok");
}

TEST_CASE("origin: anybody else is not believed, and neither is what comes of it shown to the application",
          "[balancer]") {
    Balancer sut(trusting({"10.0.0.0/8", "unix"}, kX), GENERATE(1U, 2U));
    const auto worker = sut.add_worker();
    Client client = sut.connect();

    client.send(get("/a", kAll));

    const auto request = worker->take();
    CHECK(request.client_address == "127.0.0.1");
    CHECK(request.client_port != 0);
    CHECK_FALSE(request.https);
    CHECK(request.headers.at("host") == "test");
    CHECK(request.server_name == "127.0.0.1");
    CHECK(request.server_port == sut.port());
    for (const auto* name : {"x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "forwarded"}) {
        CHECK(request.headers.count(name) == 0);
    }
    worker->respond(request, "ok");
    CHECK(client.receive().body == "ok");
    CHECK(sut.log().access_line_with("/a") == "127.0.0.1 /a 200");
}

TEST_CASE("origin: by default the headers are the application's business", "[balancer]") {
    Balancer sut;
    const auto worker = sut.add_worker();
    Client client = sut.connect();

    client.send(get("/", kAll));

    const auto request = worker->take();
    CHECK(request.client_address == "127.0.0.1");
    CHECK_FALSE(request.https);
    CHECK(request.headers.at("x-forwarded-for") == "198.51.100.9, 192.0.2.1");
    CHECK(request.headers.at("forwarded") == "for=192.0.2.2;proto=http;host=other.example");
    worker->respond(request, "ok");
    CHECK(client.receive().body == "ok");
}

TEST_CASE("origin: proxies at a Unix socket are trusted by name", "[balancer]") {
    const bool trusted = GENERATE(true, false);
    Balancer sut(trusting({trusted ? "unix" : "127.0.0.1"}, kX));
    const auto worker = sut.add_worker();
    Client client = sut.connect_by_path();

    client.send(get("/", "X-Forwarded-For: 192.0.2.1\r\n"));

    const auto request = worker->take();
    CHECK(request.client_address == (trusted ? "192.0.2.1" : ""));
    CHECK(request.headers.count("x-forwarded-for") == (trusted ? 1 : 0));
    worker->respond(request, "ok");
    CHECK(client.receive().body == "ok");
}

TEST_CASE("origin: each request of a connection is judged by itself", "[balancer]") {
    Balancer sut(trusting({"127.0.0.1"}, kX));
    const auto worker = sut.add_worker();
    Client client = sut.connect();

    client.send(get("/1", "X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: https\r\n") + get("/2") +
                get("/3", "X-Forwarded-For: 192.0.2.3\r\n"));

    for (const auto& [address, https] :
         {std::pair("192.0.2.1", true), std::pair("127.0.0.1", false), std::pair("192.0.2.3", false)}) {
        const auto request = worker->take();
        CHECK(request.client_address == address);
        CHECK(request.https == https);
        CHECK(request.headers.at("host") == "test");
        worker->respond(request, "ok");
        CHECK(client.receive().body == "ok");
    }
}

TEST_CASE("origin: a malformed header of a trusted proxy gets 400 with its reason", "[balancer]") {
    Balancer sut(trusting({"127.0.0.1"}, kX));
    const auto worker = sut.add_worker();
    Client client = sut.connect();

    client.send(get("/", "X-Forwarded-For: somebody\r\n"));

    CHECK(client.receive().status == 400);
    CHECK(client.ended());
    CHECK_FALSE(sut.log().line_with("X-Forwarded-For holds something that is no address").empty());
    CHECK_FALSE(worker->has_request());
}

TEST_CASE("origin: a header of the PROXY protocol names the client of a connection", "[balancer]") {
    const bool binary = GENERATE(false, true);
    const bool bytewise = GENERATE(false, true);
    CAPTURE(binary, bytewise);
    Balancer sut(behind_proxy_protocol(), GENERATE(1U, 2U));
    const auto worker = sut.add_worker();
    Client client = sut.connect();
    const std::string wire = (binary ? kBinary : std::string(kLine)) + get("/1") + get("/2");

    for (std::size_t start = 0, step = bytewise ? 1 : wire.size(); start < wire.size(); start += step) {
        client.send(wire.substr(start, step));
    }

    for (const auto* path : {"/1", "/2"}) {
        const auto request = worker->take();
        CHECK(request.path == path);
        CHECK(request.client_address == "192.0.2.1");
        CHECK(request.client_port == 40000);
        CHECK(request.server_name == "198.51.100.1");
        CHECK(request.server_port == 443);
        CHECK(request.https == binary);
        worker->respond(request, "ok");
        CHECK(client.receive().body == "ok");
        CHECK(sut.log().access_line_with(path) == "192.0.2.1 " + std::string(path) + " 200");
    }
}

TEST_CASE("origin: a proxy that speaks for itself keeps its own address", "[balancer]") {
    Balancer sut(behind_proxy_protocol(kX));
    const auto worker = sut.add_worker();
    Client client = sut.connect();

    client.send("PROXY UNKNOWN\r\n" + get("/", "X-Forwarded-For: 192.0.2.1\r\n"));

    const auto request = worker->take();
    CHECK(request.client_address == "127.0.0.1");
    CHECK(request.server_port == sut.port());
    CHECK(request.headers.count("x-forwarded-for") == 0);  // nobody knows who wrote it
    worker->respond(request, "ok");
    CHECK(client.receive().body == "ok");
}

TEST_CASE("origin: behind a PROXY header, forwarding headers count if it names a trusted proxy", "[balancer]") {
    const bool trusted = GENERATE(true, false);
    std::vector<std::string> more;
    if (trusted) {
        more.emplace_back("192.0.2.1");
    }
    Balancer sut(behind_proxy_protocol(kX, more));
    const auto worker = sut.add_worker();
    Client client = sut.connect();

    client.send(std::string(kLine) + get("/", "X-Forwarded-For: 203.0.113.5\r\n"));

    const auto request = worker->take();
    CHECK(request.client_address == (trusted ? "203.0.113.5" : "192.0.2.1"));
    worker->respond(request, "ok");
    CHECK(client.receive().body == "ok");
}

TEST_CASE("origin: where PROXY headers are required, a connection without one is closed with a line in the log",
          "[balancer]") {
    Balancer sut(behind_proxy_protocol());
    Client client = sut.connect();

    client.send(get("/"));

    CHECK(client.ended());
    const std::string line = sut.log().line_with("because of its PROXY header");
    CHECK(line.find("reason='the connection does not begin with a PROXY header' client=127.0.0.1") !=
          std::string::npos);
}

TEST_CASE("origin: where PROXY headers are required, a stranger's connection is closed with a line in the log",
          "[balancer]") {
    Balancer sut(trusting({"10.0.0.0/8"}, kOff, config::ProxyProtocol::Require));
    Client client = sut.connect();

    CHECK(client.ended());
    CHECK(sut.log().line_with("connection dropped").find("none of http.trusted_proxies' client=127.0.0.1") !=
          std::string::npos);
}

TEST_CASE("origin: a PROXY header must be complete within timeouts.header", "[balancer]") {
    config::Config config = behind_proxy_protocol();
    config.timeouts.header = config::Seconds(0.2);
    Balancer sut(config);
    Client client = sut.connect();

    client.send("PROXY TCP4 192.0");

    std::string bytes;
    CHECK(client.receive_to_end(bytes));
    CHECK(bytes.empty());
    CHECK_FALSE(sut.log().line_with("it is not complete within timeouts.header").empty());
}

TEST_CASE("origin: a request behind a PROXY header has what is left of timeouts.header", "[balancer]") {
    config::Config config = behind_proxy_protocol();
    config.timeouts.header = config::Seconds(0.2);
    Balancer sut(config);
    Client client = sut.connect();

    client.send(std::string(kLine) + "GET / HTTP/1.1\r\n");

    CHECK(client.receive().status == 408);
    CHECK(client.ended());
}

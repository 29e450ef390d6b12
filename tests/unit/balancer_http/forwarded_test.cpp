#include "balancer/http/forwarded.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <span>
#include <string>
#include <utility>
#include <vector>

namespace fettle::http {

namespace {

using config::ForwardedHeaders;

const config::TrustedPeers kTrusted({"10.0.0.0/8", "2001:db8:a::/48"});

class Request {
  public:
    explicit Request(std::string_view header_lines) {
        const std::string wire = fmt::format("GET / HTTP/1.1\r\nHost: inner:8000\r\n{}\r\n", header_lines);
        REQUIRE(parser_.feed(std::as_bytes(std::span(wire))).event == RequestParser::Event::HeadComplete);
    }

    [[nodiscard]] RequestHead& head() { return parser_.head(); }

    [[nodiscard]] std::string names() {
        std::string all;
        for (const HeaderField& field : head().headers) {
            all += fmt::format("{}{}", all.empty() ? "" : " ", field.name);
        }
        return all;
    }

  private:
    RequestParser parser_{config::Http{}};
};

// The outcome in one text: what was said, or "refused ...".
std::string read(ForwardedHeaders family, std::string_view header_lines, bool https = false) {
    Request request(header_lines);
    const auto outcome = read_forwarded(request.head(), family, kTrusted, https);
    if (const auto* refusal = std::get_if<Refusal>(&outcome)) {
        return fmt::format("{} {}", refusal->status, refusal->reason);
    }
    const auto& origin = std::get<ForwardedOrigin>(outcome);
    std::string text = origin.client_address ? fmt::format("client '{}' {}", *origin.client_address, origin.client_port)
                                             : "client not said";
    if (origin.https) {
        text += *origin.https ? ", https" : ", http";
    }
    if (origin.server_port != 0) {
        text += fmt::format(", server {} {}", origin.server_name, origin.server_port);
    }
    return origin.host.empty() ? text : fmt::format("{}, Host {}", text, origin.host);
}

std::string read_x(std::string_view header_lines, bool https = false) {
    return read(ForwardedHeaders::XForwarded, header_lines, https);
}

// Of one X-Forwarded-For.
std::string client(std::string_view value) {
    return read_x(fmt::format("X-Forwarded-For: {}\r\n", value));
}

// Of one Forwarded.
std::string forwarded(std::string_view value) {
    return read(ForwardedHeaders::Forwarded, fmt::format("Forwarded: {}\r\n", value));
}

}  // namespace

TEST_CASE("the client is the first address from the right that is no trusted proxy", "[forwarded]") {
    CHECK(read_x("") == "client not said");
    CHECK(client("192.0.2.1") == "client '192.0.2.1' 0");
    CHECK(client("198.51.100.9, 192.0.2.1") == "client '192.0.2.1' 0");
    CHECK(client("198.51.100.9, 192.0.2.1, 10.0.0.1,10.0.0.2") == "client '192.0.2.1' 0");
    CHECK(client("2001:DB8::1") == "client '2001:db8::1' 0");
    CHECK(client("192.0.2.1, 2001:db8:a::7") == "client '192.0.2.1' 0");
    CHECK(client("::ffff:10.0.0.1") == "client '10.0.0.1' 0");
    CHECK(client(", 192.0.2.1 ,, ") == "client '192.0.2.1' 0");
}

TEST_CASE("if every address is a trusted proxy, the leftmost one sent the request", "[forwarded]") {
    CHECK(client("10.0.0.3, 10.0.0.2") == "client '10.0.0.3' 0");
}

TEST_CASE("several lines of X-Forwarded-For are one list", "[forwarded]") {
    CHECK(read_x("X-Forwarded-For: 198.51.100.9\r\nX-Other: 1\r\nX-Forwarded-For: 192.0.2.1, 10.0.0.1\r\n") ==
          "client '192.0.2.1' 0");
    CHECK(read_x("X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-For: 10.0.0.1\r\n") == "client '192.0.2.1' 0");
}

TEST_CASE("addresses may come with ports", "[forwarded]") {
    CHECK(client("192.0.2.1:4711") == "client '192.0.2.1' 4711");
    CHECK(client("[2001:db8::1]:4711") == "client '2001:db8::1' 4711");
    CHECK(client("[2001:db8::1]") == "client '2001:db8::1' 0");
    CHECK(client("192.0.2.1:4711, 10.0.0.1:99") == "client '192.0.2.1' 4711");
    CHECK(client("192.0.2.1:_hidden") == "client '192.0.2.1' 0");
}

TEST_CASE("a proxy may hide its client", "[forwarded]") {
    CHECK(client("unknown") == "client '' 0");
    CHECK(client("192.0.2.1, Unknown, 10.0.0.1:80") == "client '' 0");
    CHECK(client("_hidden") == "client '' 0");
    CHECK(forwarded("for=unknown;proto=https") == "client '' 0, https, server inner 8000");
    CHECK(forwarded("for=\"_gazonk:_port\"") == "client '' 0");
}

TEST_CASE("what is looked at must be well-formed, what a client wrote further left is not looked at", "[forwarded]") {
    for (const std::string_view value : {"rubbish",
                                         "192.0.2.256",
                                         "192.0.2.1:",
                                         "192.0.2.1:0",
                                         "192.0.2.1:65536",
                                         "192.0.2.1:x",
                                         "192.0.2.1:80:80",
                                         "[192.0.2.1]",
                                         "[2001:db8::1",
                                         "[",
                                         "[]",
                                         "[]:80",
                                         "2001:db8::1]",
                                         "[2001:db8::1]x",
                                         "[2001:db8::1]80",
                                         "unknown2",
                                         "\"192.0.2.1\"",
                                         "fe80::1%eth0",
                                         "192.0.2.1 198.51.100.1",
                                         "rubbish, 10.0.0.1"}) {
        CAPTURE(value);
        CHECK(client(value) == "400 X-Forwarded-For holds something that is no address.");
    }
    CHECK(client("rubbish, 192.0.2.1, 10.0.0.1") == "client '192.0.2.1' 0");
}

TEST_CASE("the scheme makes the request one of https or http, and names the server's port", "[forwarded]") {
    CHECK(read_x("X-Forwarded-Proto: https\r\n") == "client not said, https, server inner 8000");
    CHECK(read_x("X-Forwarded-Proto: HTTPS\r\nX-Forwarded-Host: shop.example\r\n") ==
          "client not said, https, server shop.example 443, Host shop.example");
    CHECK(read_x("X-Forwarded-Proto: http\r\nX-Forwarded-Host: shop.example\r\n", true) ==
          "client not said, http, server shop.example 80, Host shop.example");
    CHECK(read_x("X-Forwarded-Proto: wss\r\n") == "client not said, https, server inner 8000");
    CHECK(read_x("X-Forwarded-Proto: ws\r\n") == "client not said, http, server inner 8000");
    CHECK(read_x("X-Forwarded-Proto: http, https\r\n") == "client not said, https, server inner 8000");
    CHECK(read_x("X-Forwarded-Proto:\r\n") == "client not said");
    for (const std::string_view value : {"ftp", "https:", "on", "http https", "https;x"}) {
        CHECK(read_x(fmt::format("X-Forwarded-Proto: {}\r\n", value)) ==
              "400 The forwarded scheme is neither http nor https.");
    }
}

TEST_CASE("the nearest proxy's host replaces Host", "[forwarded]") {
    CHECK(read_x("X-Forwarded-Host: shop.example\r\n") == "client not said, server shop.example 80, Host shop.example");
    CHECK(read_x("X-Forwarded-Host: shop.example\r\n", true) ==
          "client not said, server shop.example 443, Host shop.example");
    CHECK(read_x("X-Forwarded-Host: evil.example, shop.example:8443\r\n") ==
          "client not said, server shop.example 8443, Host shop.example:8443");
    CHECK(read_x("X-Forwarded-Host: [2001:db8::1]\r\n") ==
          "client not said, server [2001:db8::1] 80, Host [2001:db8::1]");
    for (const std::string& value : {std::string("a b"), std::string("a/b"), std::string("user@a"), std::string("a:x"),
                                     std::string(":80"), std::string("[::1"), std::string(300, 'a')}) {
        CHECK(read_x(fmt::format("X-Forwarded-Host: {}\r\n", value)) == "400 The forwarded host is malformed.");
    }
}

TEST_CASE("a forwarded port is the server's, and part of a host that names none", "[forwarded]") {
    CHECK(read_x("X-Forwarded-Port: 8443\r\n") == "client not said, server inner 8443");
    CHECK(read_x("X-Forwarded-Port: 443\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: shop.example\r\n") ==
          "client not said, https, server shop.example 443, Host shop.example");
    CHECK(read_x("X-Forwarded-Port: 8443\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: shop.example\r\n") ==
          "client not said, https, server shop.example 8443, Host shop.example:8443");
    CHECK(read_x("X-Forwarded-Port: 80, 81\r\n") == "client not said, server inner 81");
    for (const std::string_view value : {"0", "65536", "-1", "x", "80x", "8 0"}) {
        CHECK(read_x(fmt::format("X-Forwarded-Port: {}\r\n", value)) == "400 The forwarded port is malformed.");
    }
}

TEST_CASE("Forwarded tells client, scheme and host of the same hop", "[forwarded]") {
    CHECK(forwarded("for=192.0.2.1") == "client '192.0.2.1' 0");
    CHECK(forwarded("For=\"[2001:db8::1]:4711\";Proto=https;Host=shop.example;by=10.0.0.1") ==
          "client '2001:db8::1' 4711, https, server shop.example 443, Host shop.example");
    // The middle entry is the one that the outermost trusted proxy wrote.
    CHECK(forwarded("for=198.51.100.9;proto=http;host=evil.example, "
                    "for=192.0.2.1;proto=https;host=shop.example, for=10.0.0.1;proto=http;host=inner") ==
          "client '192.0.2.1' 0, https, server shop.example 443, Host shop.example");
    CHECK(forwarded("proto=https;host=evil.example, for=192.0.2.1") == "client '192.0.2.1' 0");
    CHECK(forwarded("for=192.0.2.1, proto=https") == "client not said, https, server inner 8000");
    CHECK(forwarded("for=10.0.0.3;proto=https,for=10.0.0.2") == "client '10.0.0.3' 0, https, server inner 8000");
    CHECK(read(ForwardedHeaders::Forwarded, "Forwarded: for=192.0.2.1\r\nForwarded: for=10.0.0.1\r\n") ==
          "client '192.0.2.1' 0");
    CHECK(forwarded(R"(host="shop\.example")") == "client not said, server shop.example 80, Host shop.example");
}

TEST_CASE("usual slips of proxies in Forwarded are understood where they are unambiguous", "[forwarded]") {
    CHECK(forwarded("for=192.0.2.1:4711; proto=https ;host=shop.example:444") ==
          "client '192.0.2.1' 4711, https, server shop.example 444, Host shop.example:444");
    CHECK(forwarded("for=[2001:db8::1]") == "client '2001:db8::1' 0");
    CHECK(forwarded(",, for=192.0.2.1;;proto=http;,") == "client '192.0.2.1' 0, http, server inner 8000");
    CHECK(forwarded("") == "client not said");
    CHECK(forwarded("secret=x") == "client not said");
}

TEST_CASE("a malformed Forwarded is refused, above all one that swallows what a proxy appended", "[forwarded]") {
    for (const std::string_view value :
         {"for", "for=", "=192.0.2.1", "for=\"\"", "for=\"192.0.2.1", "for=\"192.0.2.1\\", "for=\"192.0.2.1\"x",
          "for=192.0.2.1 proto=https", "for=192.0.2.1;for=192.0.2.2", "for =192.0.2.1", "for= 192.0.2.1", "for=rubbish",
          "for=a@b", "for=\"[192.0.2.1]\"",
          // A client opened a quote; the proxy's entry follows.
          "for=\"198.51.100.9, for=192.0.2.1", "for=\"198.51.100.9, for=\"[2001:db8::1]:80\"",
          "x=\", for=192.0.2.1;host=\"shop.example\""}) {
        CAPTURE(value);
        CHECK(forwarded(value) == "400 Forwarded is malformed.");
    }
    CHECK(forwarded("for=192.0.2.1;proto=ftp") == "400 The forwarded scheme is neither http nor https.");
    CHECK(forwarded("for=192.0.2.1;host=\"a b\"") == "400 The forwarded host is malformed.");
}

TEST_CASE("one family of headers says nothing about the other", "[forwarded]") {
    const std::string_view both =
            "Forwarded: for=192.0.2.1;proto=https\r\nX-Forwarded-For: 192.0.2.2\r\nX-Forwarded-Proto: http\r\n";
    CHECK(read(ForwardedHeaders::Forwarded, both) == "client '192.0.2.1' 0, https, server inner 8000");
    CHECK(read(ForwardedHeaders::XForwarded, both) == "client '192.0.2.2' 0, http, server inner 8000");
}

TEST_CASE("the application sees only the headers that were vouched for", "[forwarded]") {
    const std::string_view all =
            "X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Prefix: /a\r\nAccept: x\r\nX-Real-IP: 192.0.2.1\r\n"
            "Forwarded: for=192.0.2.1\r\nX-Forwardedness: y\r\n";
    const auto left = [&](ForwardedHeaders keep) {
        Request request(all);
        remove_forwarding_headers(request.head(), keep);
        return request.names();
    };

    CHECK(left(ForwardedHeaders::XForwarded) ==
          "host x-forwarded-for x-forwarded-prefix accept x-real-ip x-forwardedness");
    CHECK(left(ForwardedHeaders::Forwarded) == "host accept forwarded x-forwardedness");
    CHECK(left(ForwardedHeaders::Off) == "host accept x-forwardedness");
}

TEST_CASE("a forwarded host takes the place of Host, also of one that is missing", "[forwarded]") {
    Request request("Accept: x\r\n");
    set_host(request.head(), "shop.example");
    CHECK(request.head().find(ipc::KnownHeader::Host) == "shop.example");
    CHECK(request.names() == "host accept");

    std::erase_if(request.head().headers, [](const HeaderField& field) { return field.name == "host"; });
    set_host(request.head(), "shop.example");
    CHECK(request.head().find(ipc::KnownHeader::Host) == "shop.example");
    CHECK(request.names() == "accept host");
}

}  // namespace fettle::http

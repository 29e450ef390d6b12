#include "balancer/http/request_line.h"

#include <catch2/catch.hpp>

#include <array>
#include <string>
#include <string_view>

namespace fettle::http {

namespace {

using namespace std::string_literals;

struct Target {
    std::string_view line;
    std::string_view path;
    std::string_view query;
    std::string_view authority;
};

constexpr std::array kTargets{
        Target{"GET / HTTP/1.1", "/", "", ""},
        Target{"GET //a//b HTTP/1.1", "//a//b", "", ""},
        Target{"GET /a?b?c HTTP/1.1", "/a", "b?c", ""},
        Target{"GET /a:b@c HTTP/1.1", "/a:b@c", "", ""},
        Target{"GET /\"<>\\^`{|} HTTP/1.1", "/\"<>\\^`{|}", "", ""},
        Target{"GET http://h HTTP/1.1", "/", "", "h"},
        Target{"GET http://h? HTTP/1.1", "/", "", "h"},
        Target{"GET http://h?q=/ HTTP/1.1", "/", "q=/", "h"},
        Target{"GET hTTp://h:80/a?b HTTP/1.1", "/a", "b", "h:80"},
        Target{"GET https://[::1]:443/a HTTP/1.1", "/a", "", "[::1]:443"},
        Target{"OPTIONS * HTTP/1.1", "*", "", ""},
        Target{"OPTIONS http://h HTTP/1.1", "*", "", "h"},
        Target{"OPTIONS http://h/ HTTP/1.1", "/", "", "h"},
        Target{"OPTIONS http://h?q HTTP/1.1", "/", "q", "h"},
};

constexpr std::array<std::string_view, 27> kBadLines{
        "",
        " ",
        "GET",
        "GET /",
        "GET / ",
        "GET  HTTP/1.1",
        " GET / HTTP/1.1",
        "GET / HTTP/1.1 ",
        "GET / a HTTP/1.1",
        "G@T / HTTP/1.1",
        "GET / http/1.1",
        "GET / HTTP/1",
        "GET / HTTP/11",
        "GET / HTTP/1.10",
        "GET / HTTP/1.x",
        "GET / HTTPS/1.1",
        "GET a HTTP/1.1",
        "GET * HTTP/1.1",
        "GET ?q HTTP/1.1",
        "GET /a#b HTTP/1.1",
        "GET /\xc3\xa4 HTTP/1.1",
        "GET ftp://h/ HTTP/1.1",
        "GET http:///a HTTP/1.1",
        "GET http://:80/a HTTP/1.1",
        "GET http://u@h/a HTTP/1.1",
        "GET http://h:x/ HTTP/1.1",
        "OPTIONS *a HTTP/1.1",
};

}  // namespace

TEST_CASE("a request target is split into path, query and authority", "[request line]") {
    for (const Target& target : kTargets) {
        INFO(target.line);

        const auto parsed = parse_request_line(target.line);

        REQUIRE(std::holds_alternative<RequestLine>(parsed));
        const auto& line = std::get<RequestLine>(parsed);
        CHECK(line.path == target.path);
        CHECK(line.query == target.query);
        CHECK(line.authority == target.authority);
    }
}

TEST_CASE("a malformed request line is refused with 400", "[request line]") {
    for (const std::string_view line : kBadLines) {
        INFO(line);

        const auto parsed = parse_request_line(line);

        REQUIRE(std::holds_alternative<Refusal>(parsed));
        CHECK(std::get<Refusal>(parsed).status == 400);
    }
}

TEST_CASE("methods of any name are passed on, unless they could be taken for another or are no methods",
          "[request line]") {
    for (const std::string_view method : {"GET", "M-SEARCH", "VERSION-CONTROL", "X", "BREW_2", "UPDATEREDIRECTREF"}) {
        INFO(method);
        const std::string line = std::string(method) + " / HTTP/1.1";
        const auto parsed = parse_request_line(line);
        REQUIRE(std::holds_alternative<RequestLine>(parsed));
    }
    const std::string longest(32, 'A');
    const std::string longest_line = longest + " / HTTP/1.1";
    CHECK(std::holds_alternative<RequestLine>(parse_request_line(longest_line)));
    for (const std::string& method : {"get"s, "Get"s, "G+T"s, "G.T"s, "CONNECT"s, "PRI"s, longest + "A"}) {
        INFO(method);
        const std::string line = method + " / HTTP/1.1";
        const auto parsed = parse_request_line(line);
        REQUIRE(std::holds_alternative<Refusal>(parsed));
        CHECK(std::get<Refusal>(parsed).status == 501);
    }
}

TEST_CASE("a Host value is a host with an optional port", "[request line]") {
    for (const std::string_view host : {"", "h", "a.b-c_d~e", "1.2.3.4:80", "[::1]", "[fe80::1]:8000", "h:",
                                        "xn--bcher-kva.example", "%41", "[::ffff:1.2.3.4]", "[v1.fe80::a+en1]:80"}) {
        INFO(host);
        CHECK(valid_host(host));
    }
    for (const std::string_view host :
         {"a b",    "a/b",     "u@h",       "h:80a",    "h:123456",     "h:80:81", "[::1",  "::1]",     "[]",
          "[::1]x", "[[::1]]", "a\"b",      "a<b",      "h?q",          "h#f",     "a\\b",  "\xc3\xa4", "::1",
          "%4",     "%zz",     "[1.2.3.4]", "[::1::2]", "[::1%25eth0]", "[v.a]",   "[v1.]", "[v1]",     "[vx.a]"}) {
        INFO(host);
        CHECK_FALSE(valid_host(host));
    }
}

}  // namespace fettle::http

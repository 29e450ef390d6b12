#include "config/bind_address.h"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

namespace fettle::config {

TEST_CASE("every documented form of an address is read, and written back as it was", "[bind_address]") {
    struct Case {
        std::string text;
        BindAddress address;
    };

    const std::vector<Case> cases{
            {"127.0.0.1:8000", {BindAddress::Tcp, "127.0.0.1", 8000, ""}},
            {":8000", {BindAddress::Tcp, "", 8000, ""}},
            {"localhost:0", {BindAddress::Tcp, "localhost", 0, ""}},
            {"shop-1.example.org:65535", {BindAddress::Tcp, "shop-1.example.org", 65535, ""}},
            {"[::]:80", {BindAddress::Tcp, "::", 80, ""}},
            {"[::1]:8000", {BindAddress::Tcp, "::1", 8000, ""}},
            {"[fe80::1%eth0]:8000", {BindAddress::Tcp, "fe80::1%eth0", 8000, ""}},
            {"unix:/run/shop/http.sock", {BindAddress::Unix, "", 0, "/run/shop/http.sock"}},
            {"unix:./@shop", {BindAddress::Unix, "", 0, "./@shop"}},
            {"unix:relative.sock", {BindAddress::Unix, "", 0, "relative.sock"}},
            {"unix:/a:b", {BindAddress::Unix, "", 0, "/a:b"}},
    };
    for (const Case& one : cases) {
        CAPTURE(one.text);
        const auto address = parse_bind_address(one.text);
        REQUIRE(address);
        CHECK(*address == one.address);
        CHECK(to_string(*address) == one.text);
    }
}

TEST_CASE("a wrong address is refused with the reason and the form that was meant", "[bind_address]") {
    struct Case {
        std::string text;
        std::string reason;
    };

    const std::vector<Case> cases{
            {"", "it is empty; expected HOST:PORT, [IPV6]:PORT, :PORT or unix:PATH"},
            {"8000", "for port 8000 on every address write :8000"},
            {"127.0.0.1", "the port is missing"},
            {"localhost", "the port is missing"},
            {"127.0.0.1:", "the port is ''"},
            {"127.0.0.1:http", "the port is 'http'; expected a number from 0 to 65535"},
            {"127.0.0.1:65536", "the port is '65536'"},
            {"127.0.0.1:-1", "the port is '-1'"},
            {"127.0.0.1:80x", "the port is '80x'"},
            {"127.0.0.1: 80", "the port is ' 80'"},
            {"::1:8000", "an IPv6 address goes into brackets"},
            {"[::1]", "expected [IPV6]:PORT"},
            {"[::1:8000", "expected [IPV6]:PORT"},
            {"[::1]8000", "expected [IPV6]:PORT"},
            {"[localhost]:8000", "'localhost' is not an IPv6 address"},
            {"[::1%]:8000", "'::1%' is not an IPv6 address"},
            {"[127.0.0.1]:8000", "'127.0.0.1' is not an IPv6 address"},
            {"127.0.0:8000", "'127.0.0' is neither an IPv4 address nor a host name"},
            {"256.0.0.1:8000", "'256.0.0.1' is neither"},
            {"*:8000", "'*' is neither an IPv4 address nor a host name"},
            {"a b:8000", "'a b' is neither"},
            {"http://localhost:8000", "without a scheme"},
            {"/run/shop.sock", "a Unix socket is written unix:PATH"},
            {"unix:", "the path is missing"},
            {"unix:@shop", "abstract sockets are not supported"},
            {"unix:@shop", "unix:./@shop"},
            {std::string("unix:/a\0b", 9), "NUL"},
    };
    for (const Case& one : cases) {
        CAPTURE(one.text);
        const auto address = parse_bind_address(one.text);
        REQUIRE_FALSE(address);
        CHECK_THAT(address.error().message(), Catch::Contains(one.reason));
    }
}

TEST_CASE("the longest path of a Unix socket is taken and one byte more is refused", "[bind_address]") {
    const std::string longest(kMaxUnixPathBytes, 'x');

    CHECK(parse_bind_address("unix:" + longest));
    const auto longer = parse_bind_address("unix:" + longest + "x");

    REQUIRE_FALSE(longer);
    CHECK_THAT(longer.error().message(), Catch::Contains("has 108 bytes; Linux allows 107"));
}

}  // namespace fettle::config

#include "config/ip_address.h"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

namespace fettle::config {

namespace {

IpAddress address(std::string_view text) {
    const auto parsed = parse_ip_address(text);
    REQUIRE(parsed);
    return *parsed;
}

}  // namespace

TEST_CASE("addresses are read in every usual form and written in the canonical one", "[ip_address]") {
    CHECK(to_string(address("192.0.2.1")) == "192.0.2.1");
    CHECK(to_string(address("0.0.0.0")) == "0.0.0.0");
    CHECK(to_string(address("2001:DB8:0:0:0:0:0:1")) == "2001:db8::1");
    CHECK(to_string(address("::")) == "::");
    CHECK(to_string(address("::ffff:192.0.2.1")) == "192.0.2.1");
    CHECK(to_string(address("64:ff9b::192.0.2.33")) == "64:ff9b::c000:221");
}

TEST_CASE("what is no address is not taken for one", "[ip_address]") {
    for (const std::string_view text :
         {"", "1", "1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4", "1.2.3.4 ", " 1.2.3.4", "0x7f.0.0.1", "1.2.3.4:80",
          "[::1]", "fe80::1%eth0", "::1::", "1:2:3:4:5:6:7:8:9", ":", "12345::", "localhost", "unknown", "_hidden"}) {
        CAPTURE(text);
        CHECK_FALSE(parse_ip_address(text));
    }
    CHECK_FALSE(parse_ip_address(std::string_view("1.2.3.4\0", 8)));
    CHECK_FALSE(parse_ip_address(std::string(1000, '1')));
}

TEST_CASE("a network contains the addresses that share its first bits", "[ip_address]") {
    struct Case {
        std::string network;
        std::string inside;
        std::string outside;
    };

    const std::vector<Case> cases{
            {"192.0.2.7", "192.0.2.7", "192.0.2.6"},
            {"10.0.0.0/8", "10.255.255.255", "11.0.0.0"},
            {"172.16.0.0/12", "172.31.255.255", "172.32.0.0"},
            {"192.0.2.128/25", "192.0.2.128", "192.0.2.127"},
            {"0.0.0.0/0", "203.0.113.9", "::1"},
            {"2001:db8::/32", "2001:db8:ffff::1", "2001:db9::"},
            {"2001:db8:0:8000::/49", "2001:db8:0:ffff::1", "2001:db8:0:7fff::1"},
            {"::1", "::1", "::2"},
            {"::/0", "2001:db8::1", "192.0.2.1"},
            {"::ffff:10.0.0.0/104", "10.1.2.3", "11.1.2.3"},
            {"10.0.0.0/8", "::ffff:10.1.2.3", "::10.1.2.3"},
    };
    for (const Case& one : cases) {
        CAPTURE(one.network, one.inside, one.outside);
        const auto network = parse_ip_network(one.network);
        REQUIRE(network);
        CHECK(network->contains(address(one.inside)));
        CHECK_FALSE(network->contains(address(one.outside)));
    }
}

TEST_CASE("a wrong network is refused with the reason", "[ip_address]") {
    struct Case {
        std::string text;
        std::string reason;
    };

    const std::vector<Case> cases{
            {"", "neither an address nor a network"},
            {"localhost", "neither an address nor a network"},
            {"10.0.0.0/", "no number of bits from 0 to 32"},
            {"10.0.0.0/33", "no number of bits from 0 to 32"},
            {"10.0.0.0/-1", "no number of bits from 0 to 32"},
            {"10.0.0.0/8x", "no number of bits from 0 to 32"},
            {"10.0.0.0/255.0.0.0", "no number of bits from 0 to 32"},
            {"2001:db8::/129", "no number of bits from 0 to 128"},
            {"10.1.2.3/8", "write 10.0.0.0/8"},
            {"2001:db8::1/64", "write 2001:db8::/64"},
    };
    for (const Case& one : cases) {
        CAPTURE(one.text);
        const auto network = parse_ip_network(one.text);
        REQUIRE_FALSE(network);
        CHECK_THAT(network.error().message(), Catch::Contains(one.reason));
    }
}

TEST_CASE("trusted are the listed networks, and Unix sockets only if they are named", "[ip_address]") {
    const TrustedPeers nobody;
    CHECK_FALSE(nobody.trusts(address("127.0.0.1")));
    CHECK_FALSE(nobody.trusts_unix());

    const TrustedPeers some({"127.0.0.1", "2001:db8::/32"});
    CHECK(some.trusts(address("127.0.0.1")));
    CHECK(some.trusts(address("::ffff:127.0.0.1")));
    CHECK(some.trusts(address("2001:db8::5")));
    CHECK_FALSE(some.trusts(address("127.0.0.2")));
    CHECK_FALSE(some.trusts(address("::1")));
    CHECK_FALSE(some.trusts_unix());

    CHECK(TrustedPeers({"unix"}).trusts_unix());
}

}  // namespace fettle::config

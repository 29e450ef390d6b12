#include "balancer/http/proxy_header.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace fettle::http {

namespace {

using Event = ProxyHeaderParser::Event;

std::string describe(const std::optional<ProxyHeader::Endpoint>& endpoint) {
    return endpoint ? fmt::format("{} {}", config::to_string(endpoint->address), endpoint->port) : "none";
}

// What came out, in one text; "wants more" if the bytes ended before it.
std::string outcome(std::string_view wire, std::size_t cut) {
    ProxyHeaderParser sut;
    std::size_t used = 0;
    while (used < wire.size()) {
        const std::size_t size = std::min(cut, wire.size() - used);
        // A heap block of exactly this size: a sanitizer sees a byte read too many.
        const auto block = std::make_unique<std::byte[]>(size);
        std::memcpy(block.get(), wire.data() + used, size);
        const ProxyHeaderParser::Step step = sut.feed({block.get(), size});
        REQUIRE(step.consumed <= size);
        used += step.consumed;
        if (step.event == Event::Complete) {
            const ProxyHeader& header = sut.header();
            return fmt::format("{} -> {}{}, rest '{}'", describe(header.client), describe(header.server),
                               header.tls ? " tls" : "", wire.substr(used));
        }
        if (step.event == Event::Refused) {
            return fmt::format("refused: {}", sut.refusal());
        }
        REQUIRE(step.consumed == size);
    }
    return "wants more";
}

// The outcome that all ways of cutting agree on.
std::string outcome_in_all_cuts(std::string_view wire) {
    std::string whole = outcome(wire, wire.size());
    for (std::size_t cut = 1; cut < wire.size(); ++cut) {
        CAPTURE(cut);
        CHECK(outcome(wire, cut) == whole);
    }
    return whole;
}

const std::string kSignature("\r\n\r\n\0\r\nQUIT\n", 12);

std::string big_endian(std::size_t number) {
    return {static_cast<char>(number >> 8), static_cast<char>(number & 0xffU)};
}

std::string binary(unsigned version_and_command, unsigned family, std::string_view payload) {
    return kSignature + static_cast<char>(version_and_command) + static_cast<char>(family) +
           big_endian(payload.size()) + std::string(payload);
}

std::string extension(unsigned type, std::string_view value) {
    return static_cast<char>(type) + big_endian(value.size()) + std::string(value);
}

const std::string kV4("\xc0\x00\x02\x01\xc6\x33\x64\x01\x9c\x40\x00\x50", 12);
const std::string kV6 = std::string("\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01", 16) +
                        std::string("\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x02", 16) +
                        std::string("\x9c\x40\x01\xbb", 4);
constexpr unsigned kProxy = 0x21;
constexpr unsigned kLocal = 0x20;
constexpr unsigned kTcp4 = 0x11;
constexpr unsigned kTcp6 = 0x21;
constexpr std::string_view kRequest = "GET / HTTP/1.1\r\n";

}  // namespace

TEST_CASE("a proxy names its client by a line of text", "[proxy_header]") {
    const auto said = [](std::string_view line) {
        return outcome_in_all_cuts(fmt::format("{}\r\n{}", line, kRequest));
    };

    CHECK(said("PROXY TCP4 192.0.2.1 198.51.100.1 40000 80") ==
          "192.0.2.1 40000 -> 198.51.100.1 80, rest 'GET / HTTP/1.1\r\n'");
    CHECK(said("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535") ==
          "255.255.255.255 65535 -> 255.255.255.255 65535, rest 'GET / HTTP/1.1\r\n'");
    CHECK(said("PROXY TCP6 2001:db8::1 2001:db8::2 0 443") ==
          "2001:db8::1 0 -> 2001:db8::2 443, rest 'GET / HTTP/1.1\r\n'");
    CHECK(said("PROXY TCP6 ::ffff:192.0.2.1 ::1 1 2") == "192.0.2.1 1 -> ::1 2, rest 'GET / HTTP/1.1\r\n'");
}

TEST_CASE("a proxy that does not know its client says so", "[proxy_header]") {
    CHECK(outcome_in_all_cuts("PROXY UNKNOWN\r\nG") == "none -> none, rest 'G'");
    CHECK(outcome_in_all_cuts("PROXY UNKNOWN ffff::1 any thing at all\r\nG") == "none -> none, rest 'G'");
    CHECK(outcome_in_all_cuts(binary(kLocal, 0x00, "") + "G") == "none -> none, rest 'G'");
    CHECK(outcome_in_all_cuts(binary(kLocal, kTcp4, kV4) + "G") == "none -> none, rest 'G'");
    CHECK(outcome_in_all_cuts(binary(kLocal, 0xff, "rubbish") + "G") == "none -> none, rest 'G'");
    CHECK(outcome_in_all_cuts(binary(kProxy, 0x00, "rubbish") + "G") == "none -> none, rest 'G'");
    CHECK(outcome_in_all_cuts(binary(kProxy, 0x31, std::string(216, 'p')) + "G") == "none -> none, rest 'G'");
}

TEST_CASE("a proxy names its client by a binary header", "[proxy_header]") {
    CHECK(outcome_in_all_cuts(binary(kProxy, kTcp4, kV4)) == "192.0.2.1 40000 -> 198.51.100.1 80, rest ''");
    CHECK(outcome_in_all_cuts(binary(kProxy, kTcp6, kV6) + "G") == "2001:db8::1 40000 -> 2001:db8::2 443, rest 'G'");
    // An HTTP/3 proxy: its client came by datagrams.
    CHECK(outcome_in_all_cuts(binary(kProxy, 0x12, kV4)) == "192.0.2.1 40000 -> 198.51.100.1 80, rest ''");
}

TEST_CASE("what a binary header carries behind the addresses is skipped, save that the client speaks TLS",
          "[proxy_header]") {
    const std::string some = extension(0x02, "shop.example") + extension(0x04, "") + extension(0xea, "x");

    CHECK(outcome_in_all_cuts(binary(kProxy, kTcp4, kV4 + some) + "G") ==
          "192.0.2.1 40000 -> 198.51.100.1 80, rest 'G'");
    const std::string client_tls("\x01\0\0\0\0", 5);
    CHECK(outcome_in_all_cuts(binary(kProxy, kTcp4, kV4 + some + extension(0x20, client_tls)) + "G") ==
          "192.0.2.1 40000 -> 198.51.100.1 80 tls, rest 'G'");
    const std::string no_tls("\0\0\0\0\0", 5);
    CHECK(outcome_in_all_cuts(binary(kProxy, kTcp4, kV4 + extension(0x20, no_tls))) ==
          "192.0.2.1 40000 -> 198.51.100.1 80, rest ''");
}

TEST_CASE("a connection that does not begin with a PROXY header is refused at the first wrong byte", "[proxy_header]") {
    for (const std::string_view wire : {"GET / HTTP/1.1\r\n", "POST / HTTP/1.1\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
                                        "proxy TCP4", "\x16\x03\x01", "\r\nGET / HTTP/1.1", "\r\n\r\nGET /", "\n"}) {
        CAPTURE(wire);
        CHECK(outcome_in_all_cuts(wire) == "refused: the connection does not begin with a PROXY header");
    }
}

TEST_CASE("a malformed line is refused", "[proxy_header]") {
    for (const std::string_view line :
         {"PROXY ", "PROXY  TCP4 192.0.2.1 198.51.100.1 1 2", "PROXY TCP4", "PROXY TCP4 192.0.2.1 198.51.100.1 1",
          "PROXY TCP4 192.0.2.1 198.51.100.1 1 2 ", "PROXY TCP4 192.0.2.1 198.51.100.1 1 2 3",
          "PROXY TCP4 192.0.2.1  198.51.100.1 1 2", "PROXY TCP4 2001:db8::1 2001:db8::2 1 2",
          "PROXY TCP6 192.0.2.1 198.51.100.1 1 2", "PROXY TCP4 192.0.2.256 198.51.100.1 1 2",
          "PROXY TCP4 192.0.2.01 198.51.100.1 1 2", "PROXY TCP4 192.0.2.1 198.51.100.1 65536 2",
          "PROXY TCP4 192.0.2.1 198.51.100.1 01 2", "PROXY TCP4 192.0.2.1 198.51.100.1 -1 2",
          "PROXY TCP4 192.0.2.1 198.51.100.1 +1 2", "PROXY TCP4 192.0.2.1 198.51.100.1 1 x",
          "PROXY TCP6 fe80::1%eth0 ::1 1 2", "PROXY UDP4 192.0.2.1 198.51.100.1 1 2", "PROXY unknown"}) {
        CAPTURE(line);
        CHECK(outcome_in_all_cuts(fmt::format("{}\r\n", line)) == "refused: the line of the PROXY header is malformed");
    }
}

TEST_CASE("a line may have 107 bytes and not one more", "[proxy_header]") {
    const std::string longest = "PROXY UNKNOWN " + std::string(kMaxProxyLineBytes - 16, 'x');

    CHECK(outcome_in_all_cuts(longest + "\r\nG") == "none -> none, rest 'G'");
    CHECK(outcome_in_all_cuts(longest + "x\r\nG") == "refused: the line of the PROXY header is too long");
    CHECK(outcome_in_all_cuts(longest.substr(0, 20) + "\n" + longest + "\nG") ==
          "refused: the line of the PROXY header is too long");
}

TEST_CASE("a malformed binary header is refused", "[proxy_header]") {
    const auto refused = [](std::string_view wire) { return outcome_in_all_cuts(wire); };

    CHECK(refused(binary(0x11, kTcp4, kV4)) == "refused: the version of the PROXY header is not known");
    CHECK(refused(binary(0x31, kTcp4, kV4)) == "refused: the version of the PROXY header is not known");
    CHECK(refused(binary(0x22, kTcp4, kV4)) == "refused: the command of the PROXY header is not known");
    CHECK(refused(binary(kProxy, 0x41, kV4)) ==
          "refused: the address family or protocol of the PROXY header is not known");
    CHECK(refused(binary(kProxy, 0x13, kV4)) ==
          "refused: the address family or protocol of the PROXY header is not known");
    for (const auto& [family, bytes] : {std::pair(kTcp4, 11), std::pair(kTcp6, 35), std::pair(0x31U, 215)}) {
        CHECK(refused(binary(kProxy, family, std::string(static_cast<std::size_t>(bytes), 'a'))) ==
              "refused: the PROXY header is shorter than its addresses");
    }
    for (const std::string& rest : {std::string("\x02"), std::string("\x02\0", 2), std::string("\x02\0\x01", 3),
                                    extension(0x02, "x") + std::string("\x04\xff\xffxx", 5)}) {
        CHECK(refused(binary(kProxy, kTcp4, kV4 + rest)) ==
              "refused: an extension of the PROXY header leaves the header");
    }
}

TEST_CASE("a binary header has a largest size", "[proxy_header]") {
    const std::size_t room = kMaxProxyHeaderBytes - 16 - kV4.size() - 3;

    const std::string largest = binary(kProxy, kTcp4, kV4 + extension(0xe0, std::string(room, 'x')));
    REQUIRE(largest.size() == kMaxProxyHeaderBytes);
    CHECK(outcome(largest + "G", largest.size() + 1) == "192.0.2.1 40000 -> 198.51.100.1 80, rest 'G'");
    CHECK(outcome(largest + "G", 1) == "192.0.2.1 40000 -> 198.51.100.1 80, rest 'G'");
    CHECK(outcome(binary(kProxy, kTcp4, kV4 + extension(0xe0, std::string(room + 1, 'x'))), 16) ==
          "refused: the PROXY header is too long");
}

TEST_CASE("a header that does not come to its end leaves the parser waiting", "[proxy_header]") {
    const std::string whole = binary(kProxy, kTcp4, kV4 + extension(0x04, "noop"));

    for (std::size_t bytes = 1; bytes < whole.size(); ++bytes) {
        CHECK(outcome(whole.substr(0, bytes), bytes) == "wants more");
    }
    CHECK(outcome("PROXY TCP4 192.0.2.1 198.51.100.1 40000 80\r", 7) == "wants more");
}

TEST_CASE("random bytes behind a signature end in an outcome that does not depend on the cuts", "[proxy_header]") {
    std::mt19937 random(20240611);
    const auto number = [&](int most) { return std::uniform_int_distribution<int>(0, most)(random); };
    for (int round = 0; round < 2000; ++round) {
        std::string payload(static_cast<std::size_t>(number(60)), '\0');
        for (char& c : payload) {
            c = static_cast<char>(number(255));
        }
        const std::string wire = binary(number(1) == 0 ? kProxy : static_cast<unsigned>(number(255)),
                                        number(1) == 0 ? kTcp4 : static_cast<unsigned>(number(255)), payload) +
                                 "GET";
        const std::string whole = outcome(wire, wire.size());
        CHECK(outcome(wire, 1) == whole);
        CHECK(outcome(wire, static_cast<std::size_t>(1 + number(20))) == whole);
    }
}

}  // namespace fettle::http

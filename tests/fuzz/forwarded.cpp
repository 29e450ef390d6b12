// What a trusted proxy says about the client: the input is header lines, with a byte in front that chooses the family
// and the scheme. Oracles: what comes out is an address, a host, a port, or nothing; what stands left of the first
// stranger does not matter, however malformed; neither do the headers of the other family; none of them is left for the
// application.
#include "balancer/http/forwarded.h"

#include "balancer/http/request_parser.h"
#include "base/assert.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>

namespace {

using namespace fettle;
using Family = config::ForwardedHeaders;

const config::TrustedPeers& trusted() {
    static const config::TrustedPeers peers({"10.0.0.0/8", "2001:db8::/32"});
    return peers;
}

config::Http wide_limits() {
    config::Http limits;
    limits.max_headers = http::kHighestMaxHeaders;
    return limits;
}

struct Read {
    http::RequestParser parser{wide_limits()};
    bool complete = false;

    explicit Read(const std::string& lines) {
        const std::string wire = "GET / HTTP/1.1\r\nHost: h\r\n" + lines + "\r\n";
        const auto step = parser.feed(std::as_bytes(std::span(wire)));
        complete = step.event == http::RequestParser::Event::HeadComplete && step.consumed == wire.size();
    }

    [[nodiscard]] std::optional<http::ForwardedOrigin> origin(Family family, bool https) const {
        auto result = http::read_forwarded(parser.head(), family, trusted(), https);
        if (const auto* refusal = std::get_if<http::Refusal>(&result)) {
            FETTLE_ASSERT(refusal->status == 400 && !refusal->reason.empty(), "a refusal has a reason");
            return std::nullopt;
        }
        return std::get<http::ForwardedOrigin>(std::move(result));
    }
};

auto fields_of(const http::ForwardedOrigin& origin) {
    return std::tie(origin.client_address, origin.client_port, origin.https, origin.server_name, origin.server_port,
                    origin.host);
}

void check(const http::ForwardedOrigin& origin) {
    if (origin.client_address && !origin.client_address->empty()) {
        const auto address = config::parse_ip_address(*origin.client_address);
        FETTLE_ASSERT(address && config::to_string(*address) == *origin.client_address,
                      "a client's address is one, in its usual form");
    }
    FETTLE_ASSERT(origin.host.empty() || http::valid_host(origin.host), "a host is one");
}

// The walk ended at somebody who is no proxy of ours.
bool ends_at_stranger(const http::ForwardedOrigin& origin) {
    if (!origin.client_address) {
        return false;
    }
    const auto address = config::parse_ip_address(*origin.client_address);
    return !address || !trusted().trusts(*address);
}

void compare(const http::ForwardedOrigin& origin, const std::string& lines, Family family, bool https,
             const char* difference) {
    const Read more(lines);
    if (more.complete) {  // not beyond the limits
        const auto again = more.origin(family, https);
        FETTLE_ASSERT(again && fields_of(*again) == fields_of(origin), difference);
    }
}

void check_removal(Read& read) {
    http::RequestHead head = read.parser.head();
    http::remove_forwarding_headers(head, Family::Off);
    FETTLE_ASSERT(std::none_of(head.headers.begin(), head.headers.end(),
                               [](const http::HeaderField& field) {
                                   return field.name == "forwarded" || field.name == "x-forwarded-for" ||
                                          field.name == "x-forwarded-proto" || field.name == "x-forwarded-host" ||
                                          field.name == "x-forwarded-port" || field.name == "x-real-ip";
                               }),
                  "a header that nobody vouches for reaches the application");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) {
        return 0;
    }
    const Family family = (data[0] & 1) != 0 ? Family::Forwarded : Family::XForwarded;
    const bool https = (data[0] & 2) != 0;
    const std::string lines(reinterpret_cast<const char*>(data + 1), size - 1);
    Read read(lines);
    if (!read.complete) {
        return 0;
    }
    if (const auto origin = read.origin(family, https)) {
        check(*origin);
        const std::string ours =
                family == Family::Forwarded ? "Forwarded: for=6.6.6.6;host=stranger" : "X-Forwarded-For: !";
        if (ends_at_stranger(*origin)) {
            compare(*origin, ours + "\r\n" + lines, family, https, "a stranger's invention was looked at");
        }
        const std::string other = family == Family::Forwarded
                                          ? "X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-Host: other\r\n"
                                          : "Forwarded: for=6.6.6.6;host=other;proto=https\r\n";
        compare(*origin, lines + other, family, https, "the other family was believed");
    }
    check_removal(read);
    return 0;
}

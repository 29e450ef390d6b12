// What a trusted proxy says about the client of a request, by `Forwarded` (RFC 7239) or by the `X-Forwarded-` family,
// whichever is configured: the two are never mixed, so that a client cannot slip the one past a proxy that sets the
// other.
//
// Each proxy appends whom it got the request from, so the list is read from the right, and as far as its entries are
// trusted proxies themselves: what stands further left may be the client's invention and is not even looked at. What is
// looked at must be well-formed, else the request is refused: guessing would take a stranger for the proxy.
//
//   client        the first address from the right that is not trusted; the leftmost one if all are. "unknown" and
//                 obfuscated names (RFC 7239 6.3) hide it.
//   scheme, host  Forwarded: of the same entry. X-Forwarded-Proto and -Host: their last value, the nearest proxy's.
//   port          X-Forwarded-Port, the last value; else the host's; else the scheme's.
//
// Pure. The caller decides whether the peer is trusted at all.
#pragma once

#include "balancer/http/request_line.h"
#include "balancer/http/request_parser.h"
#include "config/ip_address.h"
#include "config/schema.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace fettle::http {

struct ForwardedOrigin {
    std::optional<std::string> client_address;  // nullopt: not said; empty: hidden
    std::uint16_t client_port = 0;              // 0: not said
    std::optional<bool> https;
    // Where the client's request went, if anything was said about that.
    std::string server_name;        // empty: not known
    std::uint16_t server_port = 0;  // 0: nothing was said
    std::string host;               // replaces Host; empty: Host stays
};

// `head` came from a trusted peer. `https`: the scheme unless the proxy says another. `family` is not Off.
[[nodiscard]] std::variant<ForwardedOrigin, Refusal> read_forwarded(const RequestHead& head,
                                                                    config::ForwardedHeaders family,
                                                                    const config::TrustedPeers& trusted, bool https);

// Puts `host` in the place of Host; it must live as long as the head.
void set_host(RequestHead& head, std::string_view host);

// Takes out of the head what the application must not believe: both families and X-Real-IP, except `keep`. The order of
// the others stays.
void remove_forwarding_headers(RequestHead& head, config::ForwardedHeaders keep);

}  // namespace fettle::http

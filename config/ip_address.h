// Internet addresses and networks as values: what http.trusted_proxies is made of, and what proxies write about their
// clients. An IPv4 address inside an IPv6 one (::ffff:192.0.2.1) is the IPv4 address, as it is to the rest of fettle.
#pragma once

#include "base/result.h"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fettle::config {

struct IpAddress {
    enum Family : std::uint8_t { V4 = 4, V6 = 6 };

    Family family = V4;
    std::array<std::uint8_t, 16> bytes{};  // in network order; of V4 the first four
    bool operator==(const IpAddress&) const = default;
};

// The usual text forms ("192.0.2.1" without leading zeros, RFC 4291 §2.2), without brackets, port or zone.
[[nodiscard]] std::optional<IpAddress> parse_ip_address(std::string_view text);

// The IPv4 address inside a mapped one; any other address as it is.
[[nodiscard]] IpAddress unmapped(const IpAddress& address);

// The canonical text: RFC 5952 for IPv6.
[[nodiscard]] std::string to_string(const IpAddress& address);

struct IpNetwork {
    IpAddress base;
    unsigned prefix_bits = 0;

    [[nodiscard]] bool contains(const IpAddress& address) const;
};

// "10.0.0.0/8", "2001:db8::/32" or a single address. The Error says what is wrong without repeating the text.
[[nodiscard]] Result<IpNetwork> parse_ip_network(std::string_view text);

// Who is believed: networks, and whoever comes by a Unix socket. Empty: nobody.
class TrustedPeers {
  public:
    static constexpr std::string_view kUnix = "unix";

    TrustedPeers() = default;
    // Each text is kUnix or what parse_ip_network() reads; others were refused with the configuration and are skipped.
    explicit TrustedPeers(const std::vector<std::string>& texts);

    [[nodiscard]] bool trusts(const IpAddress& address) const;

    [[nodiscard]] bool trusts_unix() const { return unix_; }

  private:
    std::vector<IpNetwork> networks_;
    bool unix_ = false;
};

}  // namespace fettle::config

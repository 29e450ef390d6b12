// An address to listen on, as text: HOST:PORT, [IPV6]:PORT, :PORT or unix:PATH. Pure: names are not resolved here.
#pragma once

#include "base/result.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace fettle::config {

// sockaddr_un.sun_path without its final NUL; config/ includes no socket headers.
inline constexpr std::size_t kMaxUnixPathBytes = 107;

struct BindAddress {
    enum Kind { Tcp, Unix };

    Kind kind = Tcp;
    std::string host;  // Tcp: an IPv4 or IPv6 address (no brackets) or a host name; empty: every address of the machine
    std::uint16_t port = 0;  // Tcp: 0 lets the kernel choose
    std::string path;        // Unix
    bool operator==(const BindAddress&) const = default;
};

// The Error says what is wrong with `text` and what was expected; it does not repeat `text`.
[[nodiscard]] Result<BindAddress> parse_bind_address(std::string_view text);

// The text form: what parse_bind_address() reads.
[[nodiscard]] std::string to_string(const BindAddress& address);

}  // namespace fettle::config

// The header of the PROXY protocol, by which a proxy that forwards bare connections says whose each one is. Versions 1
// (a line of text) and 2 (binary), by https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt.
//
// Strict where a mistake would name a wrong client: addresses, ports and lengths must be right, and a header is never
// optional. What version 2 carries behind the addresses is walked with its bounds checked; PP2_TYPE_SSL alone is read.
// Checksums (PP2_TYPE_CRC32C) are not verified: TCP has its own.
//
// Pure: no sockets, no clock. Not thread-safe. Holds at most kMaxProxyHeaderBytes.
#pragma once

#include "config/ip_address.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace fettle::http {

inline constexpr std::size_t kMaxProxyLineBytes = 107;  // version 1, with its CR LF
// Version 2 with everything behind the addresses. The longest in use carry a client's certificate.
inline constexpr std::size_t kMaxProxyHeaderBytes = 16 + 4096;

struct ProxyHeader {
    struct Endpoint {
        config::IpAddress address;
        std::uint16_t port = 0;
    };

    // Both or neither. Neither: the proxy speaks for itself (LOCAL: a health check) or does not know (UNKNOWN, UNSPEC,
    // Unix sockets); the connection's own addresses count.
    std::optional<Endpoint> client;
    std::optional<Endpoint> server;  // where the client connected to
    bool tls = false;                // the client speaks TLS to the proxy
};

class ProxyHeaderParser {
  public:
    enum class Event : std::uint8_t {
        NeedMore,  // all bytes are consumed
        Complete,  // see header(); the bytes behind `consumed` are the client's
        Refused,   // see refusal(). Close the connection: nothing can be answered to a proxy
    };

    struct Step {
        Event event = Event::NeedMore;
        std::size_t consumed = 0;
    };

    // Not to be called again after Complete or Refused. The outcome does not depend on how the bytes are cut.
    [[nodiscard]] Step feed(std::span<const std::byte> bytes);

    // True once a byte was fed.
    [[nodiscard]] bool started() const { return !held_.empty(); }

    [[nodiscard]] const ProxyHeader& header() const { return header_; }

    // One sentence for the log; static.
    [[nodiscard]] std::string_view refusal() const { return refusal_; }

  private:
    [[nodiscard]] std::size_t wanted() const;
    [[nodiscard]] Event judge();
    [[nodiscard]] Event judge_line();
    [[nodiscard]] Event judge_binary();
    [[nodiscard]] Event read_addresses();
    [[nodiscard]] Event read_extensions(std::string_view rest);
    [[nodiscard]] Event refuse(std::string_view reason);

    std::string held_;
    ProxyHeader header_;
    std::string_view refusal_;
};

}  // namespace fettle::http

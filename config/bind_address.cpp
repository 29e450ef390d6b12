#include "config/bind_address.h"

#include <fmt/format.h>

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

namespace fettle::config {
namespace {

constexpr std::string_view kUnixPrefix = "unix:";

bool is_address(int family, std::string_view text) {
    unsigned char bytes[sizeof(in6_addr)];
    return inet_pton(family, std::string(text).c_str(), bytes) == 1;
}

bool is_ipv6(std::string_view text) {
    const auto zone = text.find('%');  // fe80::1%eth0: inet_pton does not know zones
    return is_address(AF_INET6, text.substr(0, zone)) && (zone == text.npos || zone + 1 < text.size());
}

bool is_host_name(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' ||
               c == '_';
    });
}

bool looks_numeric(std::string_view text) {
    return text.find_first_not_of("0123456789.") == text.npos;
}

Result<std::uint16_t> parse_port(std::string_view text) {
    std::uint16_t port = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (text.empty() || error != std::errc{} || end != text.data() + text.size()) {
        return Error{fmt::format("the port is '{}'; expected a number from 0 to 65535", text)};
    }
    return port;
}

Result<BindAddress> parse_unix(std::string_view path) {
    if (path.empty()) {
        return Error{"the path is missing; expected unix:PATH, for example unix:/run/shop.sock"};
    }
    // Other programs write abstract sockets like this. Nobody guards who connects to one, so no file is made of it by
    // mistake and no abstract socket either.
    if (path.front() == '@') {
        return Error{fmt::format(
                "abstract sockets are not supported, because every local user may connect to one; expected a "
                "path, for example unix:/run/shop.sock (a file of this name is written unix:./{})",
                path)};
    }
    if (path.size() > kMaxUnixPathBytes) {
        return Error{fmt::format("the path has {} bytes; Linux allows {} for a Unix socket", path.size(),
                                 kMaxUnixPathBytes)};
    }
    if (path.find('\0') != path.npos) {
        return Error{"the path contains a NUL character"};
    }
    return BindAddress{.kind = BindAddress::Unix, .path = std::string(path)};
}

Result<BindAddress> parse_bracketed(std::string_view text) {
    const auto close = text.find(']');
    if (close == text.npos || close + 1 >= text.size() || text[close + 1] != ':') {
        return Error{"the part after the bracket is wrong; expected [IPV6]:PORT, for example [::1]:8000"};
    }
    const std::string_view host = text.substr(1, close - 1);
    if (!is_ipv6(host)) {
        return Error{fmt::format("'{}' is not an IPv6 address", host)};
    }
    FETTLE_TRY(port, parse_port(text.substr(close + 2)));
    return BindAddress{.host = std::string(host), .port = port};
}

}  // namespace

Result<BindAddress> parse_bind_address(std::string_view text) {
    if (text.empty()) {
        return Error{"it is empty; expected HOST:PORT, [IPV6]:PORT, :PORT or unix:PATH"};
    }
    if (text.substr(0, kUnixPrefix.size()) == kUnixPrefix) {
        return parse_unix(text.substr(kUnixPrefix.size()));
    }
    if (text.find('/') != text.npos) {
        return Error{"expected HOST:PORT, [IPV6]:PORT or :PORT without a scheme; a Unix socket is written unix:PATH"};
    }
    if (text.front() == '[') {
        return parse_bracketed(text);
    }
    const auto colon = text.rfind(':');
    if (colon == text.npos) {
        return Error{looks_numeric(text) && text.find('.') == text.npos
                             ? fmt::format("the host is missing; for port {0} on every address write :{0}", text)
                             : "the port is missing; expected HOST:PORT, [IPV6]:PORT, :PORT or unix:PATH"};
    }
    const std::string_view host = text.substr(0, colon);
    if (host.find(':') != host.npos) {
        return Error{"an IPv6 address goes into brackets, for example [::1]:8000"};
    }
    if (!host.empty() && (looks_numeric(host) ? !is_address(AF_INET, host) : !is_host_name(host))) {
        return Error{fmt::format("'{}' is neither an IPv4 address nor a host name", host)};
    }
    FETTLE_TRY(port, parse_port(text.substr(colon + 1)));
    return BindAddress{.host = std::string(host), .port = port};
}

std::string to_string(const BindAddress& address) {
    if (address.kind == BindAddress::Unix) {
        return fmt::format("{}{}", kUnixPrefix, address.path);
    }
    const bool brackets = address.host.find(':') != std::string::npos;
    return brackets ? fmt::format("[{}]:{}", address.host, address.port)
                    : fmt::format("{}:{}", address.host, address.port);
}

}  // namespace fettle::config

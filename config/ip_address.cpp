#include "config/ip_address.h"

#include <fmt/format.h>

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

namespace fettle::config {

namespace {

constexpr std::size_t kLongestText = INET6_ADDRSTRLEN - 1;
constexpr std::array<std::uint8_t, 12> kMappedPrefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
constexpr unsigned kMappedBits = 96;

constexpr unsigned bits_of(IpAddress::Family family) {
    return family == IpAddress::V4 ? 32 : 128;
}

bool is_mapped(const IpAddress& address) {
    return address.family == IpAddress::V6 &&
           std::equal(kMappedPrefix.begin(), kMappedPrefix.end(), address.bytes.begin());
}

// As it is written: a mapped address stays an IPv6 one.
std::optional<IpAddress> parse_as_written(std::string_view text) {
    std::array<char, kLongestText + 1> terminated{};
    if (text.size() > kLongestText || text.find('\0') != text.npos) {
        return std::nullopt;
    }
    std::copy(text.begin(), text.end(), terminated.begin());
    IpAddress address;
    address.family = text.find(':') == text.npos ? IpAddress::V4 : IpAddress::V6;
    const int family = address.family == IpAddress::V4 ? AF_INET : AF_INET6;
    return ::inet_pton(family, terminated.data(), address.bytes.data()) == 1 ? std::optional(address) : std::nullopt;
}

// `address` with everything behind the first `bits` bits cleared.
IpAddress masked(IpAddress address, unsigned bits) {
    for (unsigned at = 0; at < address.bytes.size(); ++at) {
        const unsigned kept = std::clamp(static_cast<int>(bits) - static_cast<int>(at * 8), 0, 8);
        address.bytes[at] &= static_cast<std::uint8_t>(0xff00U >> kept);
    }
    return address;
}

}  // namespace

IpAddress unmapped(const IpAddress& address) {
    if (!is_mapped(address)) {
        return address;
    }
    IpAddress v4;
    std::copy_n(address.bytes.begin() + kMappedPrefix.size(), 4, v4.bytes.begin());
    return v4;
}

std::optional<IpAddress> parse_ip_address(std::string_view text) {
    const auto address = parse_as_written(text);
    return address ? std::optional(unmapped(*address)) : std::nullopt;
}

std::string to_string(const IpAddress& address) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    const int family = address.family == IpAddress::V4 ? AF_INET : AF_INET6;
    return ::inet_ntop(family, address.bytes.data(), text.data(), text.size()) != nullptr ? text.data() : std::string();
}

bool IpNetwork::contains(const IpAddress& address) const {
    return address.family == base.family && masked(address, prefix_bits) == base;
}

Result<IpNetwork> parse_ip_network(std::string_view text) {
    const auto slash = text.find('/');
    auto address = parse_as_written(text.substr(0, slash));
    if (!address) {
        return Error{
                "it is neither an address nor a network; expected one like 192.0.2.7, 10.0.0.0/8 or 2001:db8::/32"};
    }
    unsigned bits = bits_of(address->family);
    if (slash != text.npos) {
        const std::string_view number = text.substr(slash + 1);
        const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), bits);
        if (error != std::errc{} || end != number.data() + number.size() || bits > bits_of(address->family)) {
            return Error{
                    fmt::format("behind the slash stands no number of bits from 0 to {}", bits_of(address->family))};
        }
    }
    if (const IpAddress base = masked(*address, bits); base != *address) {
        return Error{fmt::format("its last bits are not part of the network; write {}/{}", to_string(base), bits)};
    }
    if (is_mapped(*address) && bits >= kMappedBits) {
        address = unmapped(*address);
        bits -= kMappedBits;
    }
    return IpNetwork{*address, bits};
}

TrustedPeers::TrustedPeers(const std::vector<std::string>& texts) {
    for (const std::string& text : texts) {
        if (text == kUnix) {
            unix_ = true;
        } else if (const auto network = parse_ip_network(text)) {
            networks_.push_back(*network);
        }
    }
}

bool TrustedPeers::trusts(const IpAddress& address) const {
    return std::any_of(networks_.begin(), networks_.end(),
                       [&](const IpNetwork& network) { return network.contains(address); });
}

}  // namespace fettle::config

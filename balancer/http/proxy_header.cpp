#include "balancer/http/proxy_header.h"

#include <algorithm>
#include <charconv>

namespace fettle::http {

namespace {

using config::IpAddress;

constexpr std::string_view kLineStart = "PROXY ";
constexpr std::string_view kLineEnd = "\r\n";
constexpr std::string_view kSignature("\r\n\r\n\0\r\nQUIT\n", 12);
constexpr std::size_t kFixedBytes = 16;  // of version 2: signature, version and command, family and protocol, length
constexpr std::size_t kVersionAt = 12;
constexpr std::size_t kFamilyAt = 13;
constexpr std::size_t kLengthAt = 14;

constexpr std::string_view kNoHeader = "the connection does not begin with a PROXY header";
constexpr std::string_view kBadLine = "the line of the PROXY header is malformed";
constexpr std::string_view kBadExtension = "an extension of the PROXY header leaves the header";

unsigned byte_at(std::string_view bytes, std::size_t at) {
    return static_cast<unsigned char>(bytes[at]);
}

std::uint16_t big_endian(std::string_view bytes, std::size_t at) {
    return static_cast<std::uint16_t>(byte_at(bytes, at) << 8 | byte_at(bytes, at + 1));
}

bool starts_alike(std::string_view bytes, std::string_view start) {
    const std::size_t count = std::min(bytes.size(), start.size());
    return bytes.substr(0, count) == start.substr(0, count);
}

// ---- version 1

// Cuts the text in front of the next blank, or all of it, off `rest`.
std::string_view take_word(std::string_view& rest) {
    const auto blank = rest.find(' ');
    const std::string_view word = rest.substr(0, blank);
    rest.remove_prefix(blank == rest.npos ? rest.size() : blank + 1);
    return word;
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
    std::uint16_t port = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    const bool leading_zero = text.size() > 1 && text.front() == '0';
    const bool whole = !text.empty() && error == std::errc{} && end == text.data() + text.size();
    return whole && !leading_zero ? std::optional(port) : std::nullopt;
}

// An address in the notation that the line announced: TCP6 with an IPv4 address is a mistake.
std::optional<IpAddress> parse_address(std::string_view text, IpAddress::Family family) {
    const bool v6 = text.find(':') != text.npos;
    return v6 == (family == IpAddress::V6) ? config::parse_ip_address(text) : std::nullopt;
}

// ---- version 2

// Two addresses, then two ports.
struct Layout {
    std::size_t address_bytes;  // of one address
    IpAddress::Family family;
};

ProxyHeader::Endpoint endpoint(std::string_view bytes, const Layout& layout, std::size_t index) {
    const std::string_view address = bytes.substr(index * layout.address_bytes, layout.address_bytes);
    IpAddress as_written{.family = layout.family, .bytes = {}};
    std::transform(address.begin(), address.end(), as_written.bytes.begin(),
                   [](char c) { return static_cast<std::uint8_t>(c); });
    return {config::unmapped(as_written), big_endian(bytes, 2 * layout.address_bytes + 2 * index)};
}

}  // namespace

ProxyHeaderParser::Step ProxyHeaderParser::feed(std::span<const std::byte> bytes) {
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    std::size_t consumed = 0;
    while (consumed < text.size()) {
        // Never a byte more than is certainly of the header: what follows it is not ours.
        const std::string_view piece = text.substr(consumed, wanted());
        held_.append(piece);
        consumed += piece.size();
        if (const Event event = judge(); event != Event::NeedMore) {
            return {event, consumed};
        }
    }
    return {Event::NeedMore, consumed};
}

// How many more bytes may be taken before the next judgement.
std::size_t ProxyHeaderParser::wanted() const {
    if (held_.empty() || held_.front() == kLineStart.front()) {
        return 1;  // the line ends where it ends
    }
    const std::size_t whole = held_.size() < kFixedBytes ? kFixedBytes : kFixedBytes + big_endian(held_, kLengthAt);
    return whole - held_.size();
}

ProxyHeaderParser::Event ProxyHeaderParser::judge() {
    if (starts_alike(held_, kLineStart)) {
        return judge_line();
    }
    if (starts_alike(held_, kSignature)) {
        return judge_binary();
    }
    return refuse(kNoHeader);
}

ProxyHeaderParser::Event ProxyHeaderParser::refuse(std::string_view reason) {
    refusal_ = reason;
    return Event::Refused;
}

// "PROXY TCP4 192.0.2.1 198.51.100.1 40000 80\r\n", "PROXY UNKNOWN ...\r\n"
ProxyHeaderParser::Event ProxyHeaderParser::judge_line() {
    if (!held_.ends_with(kLineEnd)) {
        return held_.size() < kMaxProxyLineBytes ? Event::NeedMore : refuse("the line of the PROXY header is too long");
    }
    std::string_view rest(held_);
    rest.remove_prefix(kLineStart.size());
    rest.remove_suffix(kLineEnd.size());
    const std::string_view protocol = take_word(rest);
    if (protocol == "UNKNOWN") {
        return Event::Complete;  // whatever follows is to be ignored
    }
    if (protocol != "TCP4" && protocol != "TCP6") {
        return refuse(kBadLine);
    }
    const IpAddress::Family family = protocol == "TCP4" ? IpAddress::V4 : IpAddress::V6;
    const auto client_address = parse_address(take_word(rest), family);
    const auto server_address = parse_address(take_word(rest), family);
    const auto client_port = parse_port(take_word(rest));
    const auto server_port = parse_port(rest);
    if (!client_address || !server_address || !client_port || !server_port) {
        return refuse(kBadLine);
    }
    header_.client = {*client_address, *client_port};
    header_.server = {*server_address, *server_port};
    return Event::Complete;
}

ProxyHeaderParser::Event ProxyHeaderParser::judge_binary() {
    if (held_.size() < kFixedBytes) {
        return Event::NeedMore;
    }
    const std::size_t length = big_endian(held_, kLengthAt);
    if (kFixedBytes + length > kMaxProxyHeaderBytes) {
        return refuse("the PROXY header is too long");
    }
    if (byte_at(held_, kVersionAt) >> 4 != 2) {
        return refuse("the version of the PROXY header is not known");
    }
    if (held_.size() < kFixedBytes + length) {
        return Event::NeedMore;
    }
    constexpr unsigned kLocal = 0;
    constexpr unsigned kProxy = 1;
    switch (byte_at(held_, kVersionAt) & 0xfU) {
        case kLocal:
            return Event::Complete;  // addresses are to be ignored
        case kProxy:
            return read_addresses();
        default:
            return refuse("the command of the PROXY header is not known");
    }
}

ProxyHeaderParser::Event ProxyHeaderParser::read_addresses() {
    enum : unsigned { kUnspecified, kInet, kInet6, kUnix };

    constexpr unsigned kLastProtocol = 2;  // unspecified, stream, datagram: all with the same addresses
    constexpr std::size_t kUnixBytes = 2 * 108;
    const unsigned family = byte_at(held_, kFamilyAt) >> 4;
    if (family > kUnix || (byte_at(held_, kFamilyAt) & 0xfU) > kLastProtocol) {
        return refuse("the address family or protocol of the PROXY header is not known");
    }
    if (family == kUnspecified) {
        return Event::Complete;  // everything behind it is to be ignored
    }
    const Layout layout = family == kInet6 ? Layout{16, IpAddress::V6} : Layout{4, IpAddress::V4};
    const std::size_t bytes = family == kUnix ? kUnixBytes : 2 * layout.address_bytes + 2 * sizeof(std::uint16_t);
    const std::string_view rest = std::string_view(held_).substr(kFixedBytes);
    if (rest.size() < bytes) {
        return refuse("the PROXY header is shorter than its addresses");
    }
    if (family != kUnix) {
        header_.client = endpoint(rest, layout, 0);
        header_.server = endpoint(rest, layout, 1);
    }
    return read_extensions(rest.substr(bytes));
}

// Type (1 byte), length (2 bytes), value; PP2_TYPE_SSL's value starts with a byte of flags.
ProxyHeaderParser::Event ProxyHeaderParser::read_extensions(std::string_view rest) {
    constexpr std::size_t kHead = 3;
    constexpr unsigned kTypeTls = 0x20;
    constexpr unsigned kClientTls = 0x01;
    while (!rest.empty()) {
        if (rest.size() < kHead || rest.size() - kHead < big_endian(rest, 1)) {
            return refuse(kBadExtension);
        }
        const std::string_view value = rest.substr(kHead, big_endian(rest, 1));
        if (byte_at(rest, 0) == kTypeTls && !value.empty()) {
            header_.tls = (byte_at(value, 0) & kClientTls) != 0;
        }
        rest.remove_prefix(kHead + value.size());
    }
    return Event::Complete;
}

}  // namespace fettle::http

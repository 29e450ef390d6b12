// Headers of the PROXY protocol, with what follows them on the connection. Oracles: the result does not depend on the
// cuts; not a byte behind the header is taken; what is accepted says what a naive reading of the complete bytes says.
#include "balancer/http/proxy_header.h"

#include "base/assert.h"
#include "tests/fuzz/wire.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <sstream>
#include <string>

namespace {

using namespace fettle;
using Event = http::ProxyHeaderParser::Event;

constexpr std::string_view kSignature("\r\n\r\n\0\r\nQUIT\n", 12);

struct Outcome {
    Event event = Event::NeedMore;
    std::size_t consumed = 0;
    std::string client;  // "ADDRESS PORT", or empty
    std::string server;
    bool tls = false;
    bool operator==(const Outcome&) const = default;
};

std::string describe(const std::optional<http::ProxyHeader::Endpoint>& endpoint) {
    return endpoint ? config::to_string(endpoint->address) + " " + std::to_string(endpoint->port) : "";
}

Outcome parse(std::string_view wire, std::span<const std::uint8_t> cuts) {
    http::ProxyHeaderParser parser;
    Outcome outcome;
    std::size_t next = 0;
    while (!wire.empty() && outcome.event == Event::NeedMore) {
        const std::size_t wanted = cuts.empty() ? wire.size() : cuts[next++ % cuts.size()];
        const std::size_t size = std::min(wire.size(), wanted == 0 ? 256 : wanted);
        const auto block = std::make_unique<std::byte[]>(size);
        std::memcpy(block.get(), wire.data(), size);
        const auto step = parser.feed({block.get(), size});
        FETTLE_ASSERT(step.consumed <= size && (step.event != Event::NeedMore || step.consumed == size),
                      "the parser miscounts what it consumes");
        outcome.event = step.event;
        outcome.consumed += step.consumed;
        wire.remove_prefix(size);
    }
    if (outcome.event == Event::Refused) {
        FETTLE_ASSERT(!parser.refusal().empty(), "a refusal has a reason");
        outcome.consumed = 0;  // the connection is closed; where the fault was noticed does not matter
    }
    if (outcome.event == Event::Complete) {
        outcome.client = describe(parser.header().client);
        outcome.server = describe(parser.header().server);
        outcome.tls = parser.header().tls;
    }
    return outcome;
}

// The text that inet_ntop makes of an address in network order; a mapped IPv4 address becomes that address.
std::string text_of(const unsigned char* bytes, std::size_t size) {
    static constexpr unsigned char kMapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    if (size == 16 && std::memcmp(bytes, kMapped, sizeof(kMapped)) == 0) {
        return text_of(bytes + sizeof(kMapped), 4);
    }
    char text[INET6_ADDRSTRLEN] = {};
    FETTLE_ASSERT(::inet_ntop(size == 4 ? AF_INET : AF_INET6, bytes, text, sizeof(text)) != nullptr,
                  "every address has a text");
    return text;
}

std::string endpoint_of(const std::string& address, const std::string& port, int family) {
    unsigned char bytes[16] = {};
    FETTLE_ASSERT(::inet_pton(family, address.c_str(), bytes) == 1, "an accepted address is none");
    FETTLE_ASSERT(!port.empty() && port.size() <= 5 && port.find_first_not_of("0123456789") == std::string::npos &&
                          std::stoi(port) <= 65535,
                  "an accepted port is none");
    return text_of(bytes, family == AF_INET ? 4 : 16) + " " + port;
}

Outcome read_line(std::string_view wire) {
    const std::string line(wire.substr(0, wire.find("\r\n")));
    Outcome outcome{.event = Event::Complete, .consumed = line.size() + 2};
    FETTLE_ASSERT(outcome.consumed <= http::kMaxProxyLineBytes, "a line that is too long was accepted");
    std::istringstream words(line);
    std::string proxy;
    std::string protocol;
    std::string client;
    std::string server;
    std::string client_port;
    std::string server_port;
    words >> proxy >> protocol >> client >> server >> client_port >> server_port;
    if (protocol == "TCP4" || protocol == "TCP6") {
        const int family = protocol == "TCP4" ? AF_INET : AF_INET6;
        outcome.client = endpoint_of(client, client_port, family);
        outcome.server = endpoint_of(server, server_port, family);
        FETTLE_ASSERT(words.eof() && line == "PROXY " + protocol + " " + client + " " + server + " " + client_port +
                                                     " " + server_port,
                      "a line with more than its words was accepted");
    } else {
        FETTLE_ASSERT(protocol == "UNKNOWN", "an unknown protocol was accepted");
    }
    return outcome;
}

Outcome read_binary(std::string_view wire) {
    const auto* bytes = reinterpret_cast<const unsigned char*>(wire.data());
    FETTLE_ASSERT(wire.size() >= 16, "a header without its fixed part was accepted");
    const std::size_t length = std::size_t{bytes[14]} << 8 | bytes[15];
    FETTLE_ASSERT(wire.size() >= 16 + length && 16 + length <= http::kMaxProxyHeaderBytes,
                  "a header that is not complete, or too long, was accepted");
    FETTLE_ASSERT(bytes[12] == 0x20 || bytes[12] == 0x21, "an unknown version or command was accepted");
    Outcome outcome{.event = Event::Complete, .consumed = 16 + length};
    const unsigned family = bytes[13] >> 4;
    const std::size_t size = family == 1 ? 4 : 16;
    if (bytes[12] == 0x20 || family == 0) {
        return outcome;
    }
    std::size_t at = 16 + (family == 3 ? 216 : 2 * size + 4);
    FETTLE_ASSERT(family <= 3 && at <= outcome.consumed, "addresses that leave the header were accepted");
    if (family != 3) {
        const unsigned char* ports = bytes + 16 + 2 * size;
        outcome.client = text_of(bytes + 16, size) + " " + std::to_string(ports[0] << 8 | ports[1]);
        outcome.server = text_of(bytes + 16 + size, size) + " " + std::to_string(ports[2] << 8 | ports[3]);
    }
    while (at < outcome.consumed) {
        FETTLE_ASSERT(outcome.consumed - at >= 3, "half an extension was accepted");
        const std::size_t value = std::size_t{bytes[at + 1]} << 8 | bytes[at + 2];
        FETTLE_ASSERT(outcome.consumed - at - 3 >= value, "an extension that leaves the header was accepted");
        if (bytes[at] == 0x20 && value > 0) {
            outcome.tls = (bytes[at + 3] & 1) != 0;
        }
        at += 3 + value;
    }
    return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    constexpr std::uint8_t kByteByByte[] = {1};
    const fuzz::Input input(std::span(data, size));
    const Outcome whole = parse(input.wire, {});
    FETTLE_ASSERT(parse(input.wire, kByteByByte) == whole, "byte by byte gives something else");
    FETTLE_ASSERT(input.cuts.empty() || parse(input.wire, input.cuts) == whole, "other cuts give something else");
    if (whole.event == Event::Complete) {
        const bool binary = input.wire.starts_with(kSignature);
        FETTLE_ASSERT(whole == (binary ? read_binary(input.wire) : read_line(input.wire)),
                      "the header was read differently");
    }
    return 0;
}

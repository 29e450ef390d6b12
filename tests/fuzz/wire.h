// What RequestParser makes of bytes that arrive in given cuts, with the places in the bytes where heads and messages
// ended, so that it can be compared: with other cuts of the same bytes, and with the reference (wire_reference.h).
#pragma once

#include "balancer/http/request_parser.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fettle::fuzz {

struct Message {
    std::size_t start = 0;     // of its first byte, or of an empty line before it
    std::size_t head_end = 0;  // behind the empty line
    std::size_t end = 0;       // behind the body; 0: it is not complete
    std::string method;
    std::string target;
    std::string path;
    std::string query;
    std::vector<std::pair<std::string, std::string>> headers;
    int http_minor = 0;
    bool keep_alive = false;
    bool expects_continue = false;
    bool is_head = false;
    http::BodyKind body_kind = http::BodyKind::None;
    std::uint64_t content_length = 0;
    std::string body;
    bool operator==(const Message&) const = default;
};

struct Transcript {
    std::vector<Message> messages;  // those whose head was accepted
    bool refused = false;
    bool in_message = false;
    bool operator==(const Transcript&) const = default;
};

// Piece by piece, each in a heap block of its own size; `cuts` are the sizes (0: 256), used again from the first when
// they are spent. No cuts: all bytes at once. Aborts if the parser breaks its contract.
[[nodiscard]] Transcript parse(std::string_view wire, const config::Http& limits, std::span<const std::uint8_t> cuts);

// A fuzzer's input: the wire, then a number n of cuts, in the lower four bits of the last byte; the n bytes before it
// are the cuts. The last byte's upper bits choose the limits.
struct Input {
    explicit Input(std::span<const std::uint8_t> bytes);
    std::string_view wire;
    std::span<const std::uint8_t> cuts;
    config::Http limits;
};

// Parses the wire whole, byte by byte and in the cuts of the input; aborts unless all three agree, and returns it.
[[nodiscard]] Transcript parse_in_all_cuts(const Input& input);

}  // namespace fettle::fuzz

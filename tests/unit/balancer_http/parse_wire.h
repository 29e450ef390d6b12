// Feeds wire bytes to a RequestParser in a given way and writes down what came out, so that ways of cutting can be
// compared.
#pragma once

#include "balancer/http/request_parser.h"

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace fettle::http::test {

struct ParsedRequest {
    std::string head;  // "METHOD path?query HTTP/1.x" and one line "name: value" per header
    std::string body;
    bool keep_alive = false;
    bool expects_continue = false;
    bool operator==(const ParsedRequest&) const = default;
};

struct Outcome {
    std::vector<ParsedRequest> requests;  // complete ones
    std::uint16_t refused = 0;            // status
    bool in_message = false;              // at the end of the bytes
    bool operator==(const Outcome&) const = default;
};

// The size of the next cut.
using Cuts = std::function<std::size_t()>;

[[nodiscard]] Outcome parse_wire(std::string_view wire, const config::Http& limits, const Cuts& next_cut);

// Parses whole, byte by byte and in seeded random cuts; fails the test if they differ, and returns what they agree on.
[[nodiscard]] Outcome parse_in_all_cuts(std::string_view wire, const config::Http& limits = {});

// A request with the headers that are always needed, and these lines (each with its CR LF).
[[nodiscard]] std::string get(std::string_view header_lines);

}  // namespace fettle::http::test

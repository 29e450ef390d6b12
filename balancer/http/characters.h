// Character classes of HTTP (RFC 9110 5.5, 5.6; RFC 3986) and small helpers over them, by table and without locale.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace fettle::http {

namespace characters {

enum Class : std::uint8_t {
    kToken = 1,       // tchar: header names, methods
    kTarget = 4,      // VCHAR without '#': a request-target has no fragment
    kHost = 8,        // of reg-name, IP-literal and port
    kRequestId = 16,
    kLine = 32,    // what a request line may hold at all: SP, VCHAR
    kMethod = 64,  // of the methods that are passed on: A-Z, 0-9, '-', '_'
};

extern const std::array<std::uint8_t, 256> kClasses;

}  // namespace characters

[[nodiscard]] inline bool is(characters::Class wanted, char c) {
    return (characters::kClasses[static_cast<unsigned char>(c)] & wanted) != 0;
}

// True if all characters are of that class; also for an empty text.
[[nodiscard]] bool all(characters::Class wanted, std::string_view text);

[[nodiscard]] constexpr char to_lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

// Takes the next member off a comma-separated list (RFC 9110 5.6.1), without the blanks around it. Members may be
// empty, as in ", a,,b". False at the end.
[[nodiscard]] bool next_member(std::optional<std::string_view>& list, std::string_view& member);

// Compares without regard to ASCII case.
[[nodiscard]] bool equal_ignoring_case(std::string_view text, std::string_view lower_case);

// Without blanks (SP, HTAB) at both ends.
[[nodiscard]] std::string_view trim(std::string_view text);

}  // namespace fettle::http

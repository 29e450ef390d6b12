// The characters of a field value and of a reason phrase: HTAB, SP, VCHAR and obs-text (RFC 9110 5.5, RFC 9112 4). Both
// the worker and the balancer judge every header of every response, so it is done by words of eight bytes.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace fettle::ipc {

[[nodiscard]] constexpr bool is_field_character(char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte == '\t' || (byte >= 0x20 && byte != 0x7f);
}

// Also of an empty text.
[[nodiscard]] inline bool is_field_text(std::string_view text) {
    constexpr std::uint64_t kOnes = 0x0101010101010101;
    constexpr std::uint64_t kHighs = 0x80 * kOnes;
    // The high bit of a byte is set where it is zero; a byte above a zero byte may be taken for one, too.
    constexpr auto zeros = [](std::uint64_t word) { return (word - kOnes) & ~word & kHighs; };
    while (text.size() >= sizeof(std::uint64_t)) {
        std::uint64_t word = 0;
        std::memcpy(&word, text.data(), sizeof(word));
        const std::uint64_t controls = zeros(word & (0xe0 * kOnes));  // below 0x20
        const std::uint64_t deletes = zeros(word ^ (0x7f * kOnes));
        if ((controls | deletes) != 0) {
            const std::string_view eight = text.substr(0, sizeof(word));  // tabs, or no field text
            if (!std::all_of(eight.begin(), eight.end(), is_field_character)) {
                return false;
            }
        }
        text.remove_prefix(sizeof(word));
    }
    return std::all_of(text.begin(), text.end(), is_field_character);
}

}  // namespace fettle::ipc

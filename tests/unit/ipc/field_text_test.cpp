// The word-wise judgement of field values against the definition, byte by byte.
#include "ipc/field_text.h"

#include <catch2/catch.hpp>

#include <random>
#include <string>

using fettle::ipc::is_field_text;

namespace {

// RFC 9110 5.5: HTAB, SP, VCHAR, obs-text.
bool allowed(unsigned char byte) {
    return byte == '\t' || byte == ' ' || (byte >= 0x21 && byte <= 0x7e) || byte >= 0x80;
}

bool reference(const std::string& text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return allowed(static_cast<unsigned char>(c)); });
}

}  // namespace

TEST_CASE("field text: every byte at every place of texts of every length is judged as HTTP says", "[ipc]") {
    constexpr std::size_t kLongest = 40;  // five words, and every rest
    std::size_t wrong = 0;
    for (std::size_t length = 1; length <= kLongest; ++length) {
        for (const char filling : {'a', '\t', ' ', '\xff', '\x80'}) {
            std::string text(length, filling);
            for (std::size_t at = 0; at < length; ++at) {
                for (int byte = 0; byte < 256; ++byte) {
                    text[at] = static_cast<char>(byte);
                    wrong += is_field_text(text) == allowed(static_cast<unsigned char>(byte)) ? 0 : 1;
                }
                text[at] = filling;
            }
        }
    }
    CHECK(wrong == 0);
    CHECK(is_field_text(""));
}

TEST_CASE("field text: two bytes side by side do not hide each other", "[ipc]") {
    std::size_t wrong = 0;
    std::string text = "abcdefgh";
    for (std::size_t at = 0; at + 1 < text.size(); ++at) {
        for (int pair = 0; pair < 65536; ++pair) {
            text = "abcdefgh";
            text[at] = static_cast<char>(pair >> 8);
            text[at + 1] = static_cast<char>(pair & 0xff);
            wrong += is_field_text(text) == reference(text) ? 0 : 1;
        }
    }
    CHECK(wrong == 0);
}

TEST_CASE("field text: random texts, wherever they lie in memory, are judged as HTTP says", "[ipc]") {
    std::mt19937 random(4711);
    std::size_t wrong = 0;
    std::size_t good = 0;
    for (int round = 0; round < 200'000; ++round) {
        const std::size_t start = random() % 8;
        const std::size_t length = random() % 64;
        const bool wild = round % 2 == 0;
        // Control characters around it do not count.
        std::string memory(start + length + 9, '\x01');
        for (std::size_t at = start; at < start + length; ++at) {
            memory[at] = static_cast<char>(wild || random() % 200 == 0 ? random() % 256 : 0x20 + random() % 0x5f);
        }
        const std::string_view text = std::string_view(memory).substr(start, length);
        const bool expected = reference(std::string(text));
        wrong += is_field_text(text) == expected ? 0 : 1;
        good += expected ? 1 : 0;
    }
    CHECK(wrong == 0);
    CHECK(good > 50'000);  // both answers were asked for
    CHECK(good < 150'000);
}

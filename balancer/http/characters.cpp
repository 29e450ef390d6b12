#include "balancer/http/characters.h"

#include <algorithm>

namespace fettle::http {

namespace characters {

namespace {

constexpr bool alphanumeric(unsigned c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

constexpr bool among(unsigned c, std::string_view list) {
    return c < 128 && list.find(static_cast<char>(c)) != std::string_view::npos;
}

constexpr unsigned mask(bool member, Class class_bit) {
    return member ? static_cast<unsigned>(class_bit) : 0U;
}

constexpr std::array<std::uint8_t, 256> make_classes() {
    std::array<std::uint8_t, 256> classes{};
    for (unsigned c = 0; c < classes.size(); ++c) {
        const bool visible = c > 0x20 && c < 0x7f;
        unsigned bits = 0;
        bits |= mask(alphanumeric(c) || among(c, "!#$%&'*+-.^_`|~"), kToken);
        bits |= mask(visible && c != '#', kTarget);
        bits |= mask(alphanumeric(c) || among(c, "-._~!$&'()*+,;=%:[]"), kHost);
        bits |= mask(alphanumeric(c) || among(c, "._~+/=-"), kRequestId);
        bits |= mask(visible || c == ' ', kLine);
        bits |= mask((c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_', kMethod);
        classes[c] = static_cast<std::uint8_t>(bits);
    }
    return classes;
}

}  // namespace

constinit const std::array<std::uint8_t, 256> kClasses = make_classes();

}  // namespace characters

bool all(characters::Class wanted, std::string_view text) {
    return std::all_of(text.begin(), text.end(), [wanted](char c) { return is(wanted, c); });
}

bool equal_ignoring_case(std::string_view text, std::string_view lower_case) {
    return std::equal(text.begin(), text.end(), lower_case.begin(), lower_case.end(),
                      [](char a, char b) { return to_lower(a) == b; });
}

std::string_view trim(std::string_view text) {
    const auto blank = [](char c) { return c == ' ' || c == '\t'; };
    while (!text.empty() && blank(text.front())) {
        text.remove_prefix(1);
    }
    while (!text.empty() && blank(text.back())) {
        text.remove_suffix(1);
    }
    return text;
}

bool next_member(std::optional<std::string_view>& list, std::string_view& member) {
    if (!list) {
        return false;
    }
    const auto comma = list->find(',');
    member = trim(list->substr(0, comma));
    list = comma == std::string_view::npos ? std::nullopt : std::optional(list->substr(comma + 1));
    return true;
}

}  // namespace fettle::http

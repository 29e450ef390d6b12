#include "config/syntax_error.h"

#include "config/value.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace fettle::config {
namespace {

struct Place {
    std::string_view line;  // of the text
    std::size_t column;     // from 0, at most the line's length
    std::string_view detail;
};

bool contains(std::string_view text, std::string_view part) {
    return text.find(part) != text.npos;
}

std::string_view line_of(std::string_view text, std::size_t number) {
    for (; number > 1 && !text.empty(); --number) {
        text.remove_prefix(std::min(text.find('\n'), text.size() - 1) + 1);
    }
    text = text.substr(0, text.find('\n'));
    return text.substr(0, text.find_last_not_of('\r') + 1);
}

// What stands at the place, up to what separates values.
std::string_view word_at(const Place& place) {
    constexpr std::string_view kSeparators = " \t,=[]{}#";
    std::size_t begin = place.column;
    while (begin > 0 && !contains(kSeparators, place.line.substr(begin - 1, 1))) {
        --begin;
    }
    const std::string_view rest = place.line.substr(begin);
    return rest.substr(0, rest.find_first_of(kSeparators));
}

// 'name' of "cannot redefine existing table 'name'"
std::string_view quoted_name(std::string_view detail) {
    const auto end = detail.rfind('\'');
    const auto begin = end == 0 || end == detail.npos ? detail.npos : detail.rfind('\'', end - 1);
    return begin == detail.npos ? std::string_view() : detail.substr(begin + 1, end - begin - 1);
}

std::string repeated(const Place& place) {
    const std::string_view name = quoted_name(place.detail);
    return contains(place.detail, "existing table")
                   ? fmt::format("the section [{}] is there already; put its keys together", name)
                   : fmt::format("the key '{}' is there already; remove one of the two", name);
}

std::string no_equals_sign(const Place& place) {
    return contains(place.detail, "saw ':'") ? "a key and its value are separated by '=', not by ':'"
                                             : "'=' is missing; expected KEY = VALUE";
}

std::string missing_value(const Place&) {
    return "the value is missing; expected a text in quotes, a number, true, false or a list in brackets";
}

std::string not_a_value(const Place& place) {
    const std::string_view word = word_at(place);
    if (word.empty()) {
        return missing_value(place);
    }
    std::string lower(word);
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    if (lower == "true" || lower == "false") {
        return fmt::format("true and false are written in lower case; expected {}", lower);
    }
    return fmt::format("this is neither a number nor true or false; a text needs quotes: {}", excerpt(word));
}

std::string broken_text(const Place& place) {
    if (contains(place.detail, "unknown escape")) {
        return "this is no escape; in double quotes a backslash is written \\\\, in single quotes it stands for itself";
    }
    return place.column < place.line.size()
                   ? "a control character stands in this text; in double quotes it is written \\u001F"
                   : "the closing quote of this text is missing on its line";
}

std::string broken_list(const Place&) {
    return "the values of a list are separated by commas, and it ends with ']'";
}

std::string broken_table(const Place&) {
    return "a table in braces is written {NAME = VALUE, NAME = VALUE} on one line";
}

std::string broken_header(const Place&) {
    return "a section is written [NAME] on a line of its own";
}

std::string something_follows(const Place&) {
    return "nothing may follow a value on its line, except a comment; each key needs a line of its own";
}

std::string no_line(const Place&) {
    return "expected [SECTION], KEY = VALUE or a comment";
}

std::string not_utf8(const Place&) {
    return "this is not UTF-8; save the file in this encoding";
}

struct Rule {
    std::string_view sign;  // part of the parser's description
    std::string (*explain)(const Place&);
};

// The first that fits.
constexpr std::array kRules{
        Rule{"utf-8", not_utf8},
        Rule{"cannot redefine", repeated},
        Rule{"expected a comment or whitespace", something_follows},
        Rule{"expected '='", no_equals_sign},
        Rule{"expected value", missing_value},
        Rule{"parsing table header", broken_header},
        Rule{" string:", broken_text},
        Rule{"parsing inline table", broken_table},
        Rule{"parsing array", broken_list},
        Rule{"parsing value", not_a_value},
        Rule{"parsing boolean", not_a_value},
        Rule{"integer", not_a_value},
        Rule{"parsing floating-point", not_a_value},
        Rule{"parsing date", not_a_value},
        Rule{"parsing time", not_a_value},
        Rule{"expected keys", no_line},
};

}  // namespace

std::string explain_syntax_error(std::string_view text, std::size_t line, std::size_t column, std::string_view detail) {
    const std::string_view whole = line_of(text, line);
    const Place place{whole, std::min(column > 0 ? column - 1 : 0, whole.size()), detail};
    const auto rule =
            std::find_if(kRules.begin(), kRules.end(), [&](const Rule& one) { return contains(detail, one.sign); });
    return rule == kRules.end() ? fmt::format("this is not valid TOML: {}", detail) : rule->explain(place);
}

}  // namespace fettle::config

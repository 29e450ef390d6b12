#include "base/logging/fields.h"

#include "base/json_text.h"

#include <algorithm>
#include <optional>
#include <vector>

namespace fettle::logging {

namespace {

constexpr std::string_view kPunctuation = ",;:";
constexpr std::string_view kId = "request_id";

struct Field {
    std::string_view key;
    std::string_view value;
    bool quoted = false;
    std::size_t length = 0;  // with key, quotes and equals sign
};

bool is_key(std::string_view text) {
    return !text.empty() &&
           std::all_of(text.begin(), text.end(), [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; });
}

bool ends_value(std::string_view rest) {
    return rest.empty() || rest.front() == ' ' || kPunctuation.find(rest.front()) != kPunctuation.npos;
}

// The field that `text` begins with.
std::optional<Field> leading_field(std::string_view text) {
    const std::size_t equals = text.find('=');
    if (equals == text.npos || !is_key(text.substr(0, equals))) {
        return std::nullopt;
    }
    Field field{.key = text.substr(0, equals)};
    const std::string_view rest = text.substr(equals + 1);
    if (!rest.empty() && rest.front() == '\'') {
        std::size_t close = rest.find('\'', 1);
        while (close != rest.npos && !ends_value(rest.substr(close + 1))) {
            close = rest.find('\'', close + 1);
        }
        if (close == rest.npos) {
            return std::nullopt;
        }
        field.value = rest.substr(1, close - 1);
        field.quoted = true;
        field.length = equals + 1 + close + 1;
        return field;
    }
    field.value = rest.substr(0, rest.find(' '));
    field.value = field.value.substr(0, field.value.find_last_not_of(kPunctuation) + 1);
    field.length = equals + 1 + field.value.size();
    return field.value.empty() ? std::nullopt : std::optional(field);
}

bool is_number(const Field& field) {
    constexpr std::size_t kMostDigits = 15;  // every reader of JSON keeps them
    const std::string_view digits = field.value;
    return !field.quoted && field.key != kId && digits.size() <= kMostDigits &&
           (digits.size() == 1 || digits.front() != '0') &&
           std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

std::string fields_as_json(std::string_view line) {
    line = line.substr(0, line.find('\n'));
    std::string json = "{";
    std::vector<std::string_view> keys;
    while (!line.empty()) {
        const auto field = leading_field(line);
        if (field && std::find(keys.begin(), keys.end(), field->key) == keys.end()) {
            keys.push_back(field->key);
            json += (keys.size() > 1 ? "," : "") + json_string(field->key) + ":";
            json += is_number(*field) ? std::string(field->value) : json_string(field->value);
        }
        line.remove_prefix(field ? field->length : 0);
        const std::size_t end = std::min(line.find(' '), line.size());
        if (end > 0 && end < line.size() && line[end - 1] == ':') {
            break;
        }
        line.remove_prefix(std::min(end + 1, line.size()));
    }
    return json + "}";
}

}  // namespace fettle::logging

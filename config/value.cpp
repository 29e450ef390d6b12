#include "config/value.h"

#include "config/overloaded.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <utility>

namespace fettle::config {
namespace {

constexpr std::string_view kAutomatic = "auto";

struct DurationUnit {
    std::string_view name;
    double multiplier;
    double divisor;  // count / 1000 is the double nearest to the decimal text; count * 0.001 may not be

    [[nodiscard]] Seconds duration(double count) const { return Seconds{count * multiplier / divisor}; }

    [[nodiscard]] double nearest_count(Seconds duration) const {
        return std::round(duration.count() * divisor / multiplier);
    }
};

struct SizeUnit {
    std::string_view name;
    std::int64_t bytes;
};

constexpr std::array kDurationUnits{DurationUnit{"ms", 1, 1000}, DurationUnit{"s", 1, 1}, DurationUnit{"m", 60, 1},
                                    DurationUnit{"h", 3600, 1}};
constexpr std::array kSizeUnits{SizeUnit{"KB", 1 << 10}, SizeUnit{"MB", 1 << 20}, SizeUnit{"GB", 1 << 30}};

// The whole of `text` as a number in plain decimal notation.
template <class Number>
std::optional<Number> parse_number(std::string_view text) {
    Number number{};
    std::from_chars_result parsed{};
    if constexpr (std::is_floating_point_v<Number>) {
        parsed = std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
    } else {
        parsed = std::from_chars(text.data(), text.data() + text.size(), number);
    }
    const bool whole = !text.empty() && parsed.ec == std::errc{} && parsed.ptr == text.data() + text.size();
    return whole ? std::optional(number) : std::nullopt;
}

std::optional<bool> parse_flag(std::string_view text) {
    constexpr std::array<std::string_view, 4> kTrue{"true", "yes", "on", "1"};
    constexpr std::array<std::string_view, 4> kFalse{"false", "no", "off", "0"};
    if (std::find(kTrue.begin(), kTrue.end(), text) != kTrue.end()) {
        return true;
    }
    return std::find(kFalse.begin(), kFalse.end(), text) != kFalse.end() ? std::optional(false) : std::nullopt;
}

TextList split_at_commas(std::string_view text) {
    TextList parts;
    for (;;) {
        const auto comma = text.find(',');
        std::string_view part = text.substr(0, comma);
        part.remove_prefix(std::min(part.find_first_not_of(' '), part.size()));
        part.remove_suffix(part.size() - (part.find_last_not_of(' ') + 1));
        parts.emplace_back(part);
        if (comma == text.npos) {
            return parts;
        }
        text.remove_prefix(comma + 1);
    }
}

// 30 -> "30s", 0.25 -> "250ms", 7200 -> "2h": the largest unit that needs no fraction.
std::string duration_text(Seconds duration) {
    if (duration == Seconds{0}) {
        return "0s";
    }
    for (auto unit = kDurationUnits.rbegin(); unit != kDurationUnits.rend(); ++unit) {
        if (const double count = unit->nearest_count(duration); unit->duration(count) == duration) {
            return fmt::format("{:.0f}{}", count, unit->name);
        }
    }
    return fmt::format("{}s", duration.count());
}

std::string integer_text(const IntegerKind& kind, std::int64_t number) {
    if (kind.unit == Unit::Bytes) {
        for (auto unit = kSizeUnits.rbegin(); unit != kSizeUnits.rend(); ++unit) {
            if (number != 0 && number % unit->bytes == 0) {
                return fmt::format("{}{}", number / unit->bytes, unit->name);
            }
        }
    }
    return fmt::to_string(number);
}

std::string join_quoted(std::span<const std::string_view> names) {
    std::string text;
    for (const std::string_view name : names) {
        text += fmt::format("{}\"{}\"", text.empty() ? "" : ", ", name);
    }
    return text;
}

// Only whole sequences of RFC 3629, shortest form, no surrogates: what TOML and JSON can carry.
bool is_utf8(std::string_view text) {
    const auto continuation = [&](std::size_t at, unsigned char low, unsigned char high) {
        const auto byte = at < text.size() ? static_cast<unsigned char>(text[at]) : 0U;
        return byte >= low && byte <= high;
    };
    for (std::size_t at = 0; at < text.size();) {
        const auto lead = static_cast<unsigned char>(text[at]);
        const std::size_t length = lead < 0x80                    ? 1
                                   : lead >= 0xc2 && lead <= 0xdf ? 2
                                   : lead >> 4 == 0xe             ? 3
                                   : lead >= 0xf0 && lead <= 0xf4 ? 4
                                                                  : 0;
        const unsigned char low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
        const unsigned char high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
        if (length == 0 || (length > 1 && !continuation(at + 1, low, high))) {
            return false;
        }
        for (std::size_t next = 2; next < length; ++next) {
            if (!continuation(at + next, 0x80, 0xbf)) {
                return false;
            }
        }
        at += length;
    }
    return true;
}

Result<void> check_one_text(const Setting& setting, TextCheck form, std::string_view text) {
    if (text.find('\0') != text.npos) {
        return Error{fmt::format("{} contains a NUL character", setting.name())};
    }
    if (!is_utf8(text)) {
        return Error{fmt::format("{} is not valid UTF-8", setting.name())};
    }
    if (form != nullptr) {
        if (const auto judged = form(text); !judged) {
            return Error{fmt::format("{} is {}: {}", setting.name(), excerpt(text), judged.error().what)};
        }
    }
    return {};
}

Result<void> check_integer(const Setting& setting, const IntegerKind& kind, std::int64_t number) {
    const bool automatic = kind.automatic == Automatic::Yes && number == 0;
    if (!automatic && (number < kind.min || number > kind.max)) {
        return mismatch(setting, fmt::to_string(number));
    }
    return {};
}

Result<void> check_duration(const Setting& setting, const DurationKind& kind, Seconds duration) {
    if (!(duration >= kind.min && duration <= kind.max)) {  // also refuses NaN
        return mismatch(setting,
                        std::isfinite(duration.count()) ? duration_text(duration) : fmt::to_string(duration.count()));
    }
    return {};
}

Result<void> check_choice(const Setting& setting, const ChoiceKind& kind, std::string_view text) {
    if (std::find(kind.names.begin(), kind.names.end(), text) == kind.names.end()) {
        return mismatch(setting, excerpt(text));
    }
    return {};
}

Result<void> check_list(const Setting& setting, const TextListKind& kind, const TextList& list) {
    if (list.empty() && kind.empty == Emptiness::Refused) {
        return mismatch(setting, "empty");
    }
    for (const std::string& text : list) {
        FETTLE_CHECK_OK(check_one_text(setting, kind.check, text));
    }
    return {};
}

Result<void> check_map(const Setting& setting, const TextMapKind& kind, const TextMap& map) {
    for (const auto& [key, text] : map) {
        FETTLE_CHECK_OK(check_one_text(setting, kind.check_key, key));
        FETTLE_CHECK_OK(check_one_text(setting, nullptr, text));
    }
    return {};
}

Result<Value> parse_integer(const Setting& setting, const IntegerKind& kind, std::string_view text) {
    if (kind.automatic == Automatic::Yes) {
        if (text == kAutomatic) {
            return Value{std::int64_t{0}};
        }
        if (text == "0") {  // 0 means "auto" inside only
            return mismatch(setting, "0");
        }
    }
    if (kind.unit == Unit::Bytes) {
        const auto size = parse_size(text);
        return size ? Result<Value>{Value{*size}} : Result<Value>{mismatch(setting, excerpt(text))};
    }
    const auto number = parse_number<std::int64_t>(text);
    return number ? Result<Value>{Value{*number}} : Result<Value>{mismatch(setting, excerpt(text))};
}

// By type alone; check() follows.
Result<Value> parse_unchecked(const Setting& setting, std::string_view text) {
    const auto refuse = [&] { return Result<Value>{mismatch(setting, excerpt(text))}; };
    return std::visit(Overloaded{
                              [&](const FlagKind&) {
                                  const auto flag = parse_flag(text);
                                  return flag ? Result<Value>{Value{*flag}} : refuse();
                              },
                              [&](const IntegerKind& kind) { return parse_integer(setting, kind, text); },
                              [&](const DurationKind&) {
                                  const auto duration = parse_duration(text);
                                  return duration ? Result<Value>{Value{*duration}} : refuse();
                              },
                              [&](const ChoiceKind&) { return Result<Value>{Value{std::string(text)}}; },
                              [&](const TextKind&) { return Result<Value>{Value{std::string(text)}}; },
                              [&](const TextListKind&) {
                                  return Result<Value>{Value{text.empty() ? TextList{} : split_at_commas(text)}};
                              },
                              [&](const TextMapKind&) { return refuse(); },
                      },
                      setting.kind);
}

std::string list_to_toml(const TextList& list) {
    std::string text;
    for (const std::string& item : list) {
        text += (text.empty() ? "" : ", ") + quoted(item);
    }
    return '[' + text + ']';
}

std::string map_to_toml(const TextMap& map) {
    std::string text;
    for (const auto& [key, value] : map) {
        text += fmt::format("{}{} = {}", text.empty() ? "" : ", ", quoted(key), quoted(value));
    }
    return text.empty() ? "{}" : "{ " + text + " }";
}

// Control characters as TOML escapes them.
void append_printable(char c, std::string& out) {
    if (c == '\n') {
        out += "\\n";
    } else if (c == '\t') {
        out += "\\t";
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
        out += fmt::format("\\u{:04X}", static_cast<unsigned char>(c));
    } else {
        out += c;
    }
}

}  // namespace

std::string expectation(const Setting& setting) {
    return std::visit(
            Overloaded{
                    [](const FlagKind&) { return std::string("true or false"); },
                    [](const IntegerKind& kind) {
                        const bool bytes = kind.unit == Unit::Bytes;
                        return fmt::format("{} from {} to {}{}", bytes ? "a size" : "an integer",
                                           integer_text(kind, kind.min), integer_text(kind, kind.max),
                                           kind.automatic == Automatic::Yes ? " or \"auto\"" : "");
                    },
                    [](const DurationKind& kind) {
                        return fmt::format(
                                "a duration from {} to {}, as a number of seconds or a text like \"500ms\", \"30s\", "
                                "\"5m\", \"1h\"",
                                duration_text(kind.min), duration_text(kind.max));
                    },
                    [](const ChoiceKind& kind) {
                        return fmt::format("{}{}", kind.names.size() == 1 ? "" : "one of ", join_quoted(kind.names));
                    },
                    [](const TextKind& kind) {
                        return std::string(kind.empty == Emptiness::Allowed ? "a text" : "a text that is not empty");
                    },
                    [](const TextListKind& kind) {
                        return fmt::format("a text or an array of texts{}",
                                           kind.empty == Emptiness::Allowed ? ", which may be empty" : "");
                    },
                    [](const TextMapKind&) { return std::string("a table of texts, like { NAME = \"value\" }"); },
            },
            setting.kind);
}

Error mismatch(const Setting& setting, std::string_view found) {
    const auto* choice = std::get_if<ChoiceKind>(&setting.kind);
    const bool hint = choice != nullptr && !choice->hint.empty();
    return Error{fmt::format("{} is {}; expected {}{}{}", setting.name(), found, expectation(setting), hint ? ": " : "",
                             hint ? choice->hint : "")};
}

Result<void> check(const Setting& setting, const Value& value) {
    return std::visit(
            Overloaded{
                    [](const FlagKind&) { return Result<void>{}; },
                    [&](const IntegerKind& kind) {
                        return check_integer(setting, kind, std::get<std::int64_t>(value));
                    },
                    [&](const DurationKind& kind) { return check_duration(setting, kind, std::get<Seconds>(value)); },
                    [&](const ChoiceKind& kind) { return check_choice(setting, kind, std::get<std::string>(value)); },
                    [&](const TextKind& kind) {
                        const auto& text = std::get<std::string>(value);
                        if (text.empty()) {
                            return kind.empty == Emptiness::Allowed ? Result<void>{}
                                                                    : Result<void>{mismatch(setting, "empty")};
                        }
                        return check_one_text(setting, kind.check, text);
                    },
                    [&](const TextListKind& kind) { return check_list(setting, kind, std::get<TextList>(value)); },
                    [&](const TextMapKind& kind) { return check_map(setting, kind, std::get<TextMap>(value)); },
            },
            setting.kind);
}

Result<Value> parse_text(const Setting& setting, std::string_view text) {
    auto value = parse_unchecked(setting, text);
    if (value) {
        FETTLE_CHECK_OK(check(setting, *value));
    }
    return value;
}

Result<Seconds> parse_duration(std::string_view text) {
    const auto digits = std::min(text.find_first_not_of("0123456789.-"), text.size());
    const auto number = parse_number<double>(text.substr(0, digits));
    const std::string_view name = text.substr(digits);
    const auto unit = std::find_if(kDurationUnits.begin(), kDurationUnits.end(),
                                   [&](const auto& one) { return one.name == name; });
    if (!number || (!name.empty() && unit == kDurationUnits.end())) {
        return Error{"expected a number of seconds, or a number with one of the units ms, s, m, h"};
    }
    return name.empty() ? Seconds{*number} : unit->duration(*number);
}

Result<std::int64_t> parse_size(std::string_view text) {
    const auto digits = std::min(text.find_first_not_of("0123456789-"), text.size());
    auto number = parse_number<std::int64_t>(text.substr(0, digits));
    const std::string_view name = text.substr(digits);
    const auto unit =
            std::find_if(kSizeUnits.begin(), kSizeUnits.end(), [&](const auto& one) { return one.name == name; });
    if (!number || (!name.empty() && unit == kSizeUnits.end()) ||
        (!name.empty() && __builtin_mul_overflow(*number, unit->bytes, &*number))) {
        return Error{"expected a number of bytes, or a number with one of the units KB, MB, GB"};
    }
    return *number;
}

std::string to_toml(const Setting& setting, const Value& value) {
    return std::visit(Overloaded{
                              [](bool flag) { return std::string(flag ? "true" : "false"); },
                              [&](std::int64_t number) {
                                  const auto& kind = std::get<IntegerKind>(setting.kind);
                                  const std::string text = kind.automatic == Automatic::Yes && number == 0
                                                                   ? std::string(kAutomatic)
                                                                   : integer_text(kind, number);
                                  return parse_number<std::int64_t>(text) ? text : quoted(text);
                              },
                              [](Seconds duration) { return quoted(duration_text(duration)); },
                              [](const std::string& text) { return quoted(text); },
                              [](const TextList& list) { return list_to_toml(list); },
                              [](const TextMap& map) { return map_to_toml(map); },
                      },
                      value);
}

std::string excerpt(std::string_view text) {
    constexpr std::size_t kLongest = 80;  // bytes
    if (text.size() <= kLongest) {
        return quoted(text);
    }
    std::size_t end = kLongest;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0U) == 0x80) {  // not inside a UTF-8 sequence
        --end;
    }
    return quoted(text.substr(0, end)) + "...";
}

std::string quoted(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') {
            out += {'\\', c};
        } else {
            append_printable(c, out);
        }
    }
    return out + '"';
}

std::string one_line(std::string_view text) {
    std::string out;
    for (const char c : text) {
        append_printable(c, out);
    }
    return out;
}

}  // namespace fettle::config

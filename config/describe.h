// The one table of all settings: type, range, default, documentation, environment variable, command-line flag, and
// access to the field. Loading, `config --show`, the command line's options, docs/configuration.md and the JSON Schema
// are made from it. Immutable after the first call of settings(), so any thread may read it.
#pragma once

#include "base/result.h"
#include "config/schema.h"

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace fettle::config {

using TextList = std::vector<std::string>;
using TextMap = std::map<std::string, std::string>;

// The value of a setting without its C++ type. An enum is its name (std::string).
using Value = std::variant<bool, std::int64_t, Seconds, std::string, TextList, TextMap>;

// Judges a text beyond its type; the Error says what is wrong with it, without repeating it.
using TextCheck = Result<void> (*)(std::string_view text);

enum class Unit { None, Bytes };
enum class Automatic { No, Yes };  // Yes: "auto" may be written, the field is then 0
enum class Emptiness { Allowed, Refused };

// What a setting accepts.
struct FlagKind {};

struct IntegerKind {
    std::int64_t min = 0;
    std::int64_t max = 0;
    Unit unit = Unit::None;  // Bytes: "64KB" and the like may be written
    Automatic automatic = Automatic::No;
};

struct DurationKind {
    Seconds min{};
    Seconds max{};
};

struct ChoiceKind {
    std::span<const std::string_view> names;
    std::string_view hint;  // for somebody who wrote something else; may be empty
};

struct TextKind {
    Emptiness empty = Emptiness::Refused;
    TextCheck check = nullptr;
};

struct TextListKind {  // one or more texts, or none if it may be empty
    Emptiness empty = Emptiness::Refused;
    TextCheck check = nullptr;
};

struct TextMapKind {
    TextCheck check_key = nullptr;
};

using Kind = std::variant<FlagKind, IntegerKind, DurationKind, ChoiceKind, TextKind, TextListKind, TextMapKind>;

// An option of the command line that sets a value. `name` is empty if there is none.
struct CommandLineFlag {
    std::string_view name;         // "--bind"; of a FlagKind: "--no-preload", which clears it
    std::string_view short_name;   // "-b"
    std::string_view placeholder;  // "ADDRESS"
    std::string_view help;         // for --help; empty: the documentation's first sentence
};

// A variable of other people's making that stands for a setting; weaker than the setting's own.
struct ForeignVariable {
    std::string_view name;    // "PORT"
    std::string_view prefix;  // put in front of its value: "0.0.0.0:"
};

struct Setting {
    std::string_view section;
    std::string_view key;
    Kind kind;
    std::string_view documentation;  // whole sentences, Markdown
    Value (*get)(const Config&) = nullptr;
    void (*set)(Config&, const Value&) = nullptr;  // takes a value of the kind's type that check() has accepted
    CommandLineFlag flag{};
    ForeignVariable foreign{};

    [[nodiscard]] std::string name() const;  // "http.max_headers"
    [[nodiscard]] std::string environment()
            const;  // "FETTLE_HTTP_MAX_HEADERS"; empty for a table, which has no text form
};

struct Section {
    std::string_view name;
    std::string_view documentation;
};

[[nodiscard]] std::span<const Section> sections();
[[nodiscard]] std::span<const Setting> settings();  // section by section, in the order of sections()
[[nodiscard]] const Setting* find_setting(
        std::string_view section_and_key);  // "http.max_headers"; nullptr if there is none

}  // namespace fettle::config

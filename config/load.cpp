#include "config/load.h"

#include "base/fd.h"
#include "config/nearest.h"
#include "config/syntax_error.h"
#include "config/value.h"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>
#include <vector>

namespace fettle::config {
namespace {

constexpr std::size_t kMaxFileBytes = 1024 * 1024;

Result<std::string> read_file(const std::string& path) {
    const Fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd.valid()) {
        return errno_error("cannot open the configuration file");
    }

    struct stat status {};

    if (fstat(fd.get(), &status) == 0 && S_ISDIR(status.st_mode)) {
        return Error{"this is a directory; expected a configuration file"};
    }
    std::string text;
    std::array<char, 16 * 1024> buffer;
    for (;;) {
        const ssize_t count = read(fd.get(), buffer.data(), buffer.size());
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count < 0) {
            return errno_error("cannot read the configuration file");
        }
        if (count == 0) {
            return text;
        }
        text.append(buffer.data(), static_cast<std::size_t>(count));
        if (text.size() > kMaxFileBytes) {
            return Error{"this is larger than 1 MB; expected a configuration file"};
        }
    }
}

std::string found(const toml::node& node) {
    switch (node.type()) {
        case toml::node_type::string:
            return excerpt(**node.as_string());
        case toml::node_type::integer:
            return fmt::to_string(**node.as_integer());
        case toml::node_type::floating_point:
            return fmt::to_string(**node.as_floating_point());
        case toml::node_type::boolean:
            return **node.as_boolean() ? "true" : "false";
        case toml::node_type::array:
            return "an array";
        case toml::node_type::table:
            return "a table";
        case toml::node_type::date:
        case toml::node_type::time:
        case toml::node_type::date_time:
            return "a date or time";
        case toml::node_type::none:
            break;
    }
    return "nothing";
}

// The walk over one parsed file. Problems are kept with their place, because toml++ hands out keys in alphabetical
// order.
class Walk {
  public:
    Walk(std::string path, Effective& effective) : path_(std::move(path)), effective_(effective) {}

    void document(const toml::table& root) {
        for (const auto& [key, node] : root) {
            const auto all = sections();
            const bool known = std::any_of(all.begin(), all.end(),
                                           [&, name = key.str()](const Section& one) { return one.name == name; });
            if (!known) {
                unknown_section(key, node);
            } else if (const auto* table = node.as_table()) {
                section(key.str(), *table);
            } else {
                complain(node.source(), {},
                         fmt::format("'{0}' is {1}; expected the section [{0}]", key.str(), found(node)));
            }
        }
    }

    [[nodiscard]] Problems take_problems() {
        std::stable_sort(placed_.begin(), placed_.end(), [](const Placed& one, const Placed& other) {
            return std::pair(one.at.line, one.at.column) < std::pair(other.at.line, other.at.column);
        });
        Problems problems;
        for (Placed& placed : placed_) {
            problems.push_back(std::move(placed.problem));
        }
        return problems;
    }

  private:
    struct Placed {
        toml::source_position at;
        Problem problem;
    };

    void section(std::string_view name, const toml::table& table) {
        for (const auto& [key, node] : table) {
            const std::string full = fmt::format("{}.{}", name, key.str());
            if (const Setting* setting = find_setting(full)) {
                assign(*setting, node);
                continue;
            }
            const std::string near = nearest_setting(name, key.str());
            complain(key.source(), {},
                     fmt::format("unknown key '{}'{}", full,
                                 near.empty() ? "" : fmt::format("; did you mean '{}'?", near)));
        }
    }

    void unknown_section(const toml::key& key, const toml::node& node) {
        if (node.is_table() || node.is_array_of_tables()) {
            const std::string near = nearest_section(key.str());
            complain(key.source(), {},
                     fmt::format("unknown section [{}]{}", key.str(),
                                 near.empty() ? "" : fmt::format("; did you mean [{}]?", near)));
            return;
        }
        const std::string near = nearest_setting({}, key.str());
        complain(key.source(), {},
                 fmt::format("the key '{}' stands outside of any section{}", key.str(),
                             near.empty() ? "" : fmt::format("; did you mean '{}'?", near)));
    }

    void assign(const Setting& setting, const toml::node& node) {
        if (auto value = convert(setting, node)) {
            effective_.assign(setting, *value, origin(node.source()));
        }
    }

    // The node as a value that check() accepts, or complaints.
    std::optional<Value> convert(const Setting& setting, const toml::node& node) {
        if (std::holds_alternative<TextListKind>(setting.kind)) {
            return convert_list(setting, node);
        }
        if (std::holds_alternative<TextMapKind>(setting.kind)) {
            return convert_map(setting, node);
        }
        auto value = convert_scalar(setting, node);
        if (!value) {
            complain(node.source(), setting.name(), value.error().what);
            return std::nullopt;
        }
        return accept(setting, std::move(*value), node);
    }

    static Result<Value> convert_scalar(const Setting& setting, const toml::node& node) {
        const auto* integer = std::get_if<IntegerKind>(&setting.kind);
        const bool duration = std::holds_alternative<DurationKind>(setting.kind);
        if (const auto* flag = node.as_boolean(); flag != nullptr && std::holds_alternative<FlagKind>(setting.kind)) {
            return Value{**flag};
        }
        if (const auto* number = node.as_integer()) {
            const bool zero_is_internal = integer != nullptr && integer->automatic == Automatic::Yes && **number == 0;
            if (integer != nullptr && !zero_is_internal) {
                return Value{std::int64_t{**number}};
            }
            if (duration) {
                return Value{Seconds{static_cast<double>(**number)}};
            }
        }
        if (const auto* number = node.as_floating_point(); number != nullptr && duration) {
            return Value{Seconds{**number}};
        }
        if (const auto* text = node.as_string()) {
            const bool written =
                    std::holds_alternative<TextKind>(setting.kind) || std::holds_alternative<ChoiceKind>(setting.kind);
            const bool readable =
                    duration || (integer != nullptr && (integer->unit == Unit::Bytes || **text == "auto"));
            if (written || readable) {
                return parse_text(setting, **text);
            }
        }
        return mismatch(setting, found(node));
    }

    std::optional<Value> convert_list(const Setting& setting, const toml::node& node) {
        if (node.is_string()) {  // one address needs no brackets
            return accept(setting, TextList{**node.as_string()}, node);
        }
        const auto* array = node.as_array();
        if (array == nullptr) {
            complain(node.source(), setting.name(), mismatch(setting, found(node)).what);
            return std::nullopt;
        }
        if (array->empty()) {
            return accept(setting, TextList{}, node);
        }
        TextList list;
        for (const toml::node& item : *array) {
            const auto* text = item.as_string();
            if (text == nullptr) {
                complain(item.source(), setting.name(), mismatch(setting, "an array with " + found(item)).what);
            } else if (accept(setting, TextList{**text}, item)) {
                list.push_back(**text);
            }
        }
        return list.size() == array->size() ? std::optional<Value>(std::move(list)) : std::nullopt;
    }

    std::optional<Value> convert_map(const Setting& setting, const toml::node& node) {
        const auto* table = node.as_table();
        if (table == nullptr) {
            complain(node.source(), setting.name(), mismatch(setting, found(node)).what);
            return std::nullopt;
        }
        TextMap map;
        for (const auto& [key, item] : *table) {
            const auto* text = item.as_string();
            if (text == nullptr) {
                complain(item.source(), setting.name(),
                         fmt::format("{}.{} is {}; expected a text in quotes", setting.name(), key.str(), found(item)));
            } else if (accept(setting, TextMap{{std::string(key.str()), **text}}, item)) {
                map.emplace(key.str(), **text);
            }
        }
        return map.size() == table->size() ? std::optional<Value>(std::move(map)) : std::nullopt;
    }

    std::optional<Value> accept(const Setting& setting, Value value, const toml::node& node) {
        if (const auto judged = check(setting, value); !judged) {
            complain(node.source(), setting.name(), judged.error().what);
            return std::nullopt;
        }
        return value;
    }

    [[nodiscard]] Origin origin(const toml::source_region& region) const {
        return {Origin::File, fmt::format("{}:{}:{}", path_, region.begin.line, region.begin.column)};
    }

    void complain(const toml::source_region& region, std::string setting, std::string what) {
        placed_.push_back({region.begin, Problem{origin(region), std::move(setting), std::move(what)}});
    }

    std::string path_;
    Effective& effective_;
    std::vector<Placed> placed_;
};

}  // namespace

FileOutcome load_file(const std::string& path, Effective& effective, Problems& problems) {
    const auto text = read_file(path);
    if (!text) {
        problems.push_back({{Origin::File, path}, {}, text.error().message()});
        return FileOutcome::Unusable;
    }
    try {
        Walk walk(path, effective);
        walk.document(toml::parse(*text, path));
        for (Problem& problem : walk.take_problems()) {
            problems.push_back(std::move(problem));
        }
        return FileOutcome::Walked;
    } catch (const toml::parse_error& error) {
        const toml::source_position at = error.source().begin;
        problems.push_back({{Origin::File, fmt::format("{}:{}:{}", path, at.line, at.column)},
                            {},
                            explain_syntax_error(*text, at.line, at.column, error.description())});
        return FileOutcome::Unusable;
    }
}

}  // namespace fettle::config

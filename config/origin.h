// Where values come from, and what is wrong with them.
#pragma once

#include "base/exit_codes.h"
#include "config/describe.h"
#include "config/schema.h"

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace fettle::config {

struct Origin {
    enum Kind { BuiltIn, File, Environment, CommandLine };  // from weak to strong

    Kind kind = BuiltIn;
    std::string where{};  // "shop.toml:3:8", "FETTLE_HTTP_MAX_HEADERS", "--bind"; empty: BuiltIn
    bool operator==(const Origin&) const = default;
};

// "built-in", "file shop.toml:3:8", "environment FETTLE_HTTP_MAX_HEADERS", "command line --bind"
[[nodiscard]] std::string to_string(const Origin& origin);

// The configuration with the origin of each value.
struct Effective {
    Config config;
    std::map<std::string, Origin, std::less<>> origins;  // by Setting::name(); a built-in value has none

    [[nodiscard]] Origin origin_of(std::string_view setting) const;
    void assign(const Setting& setting, const Value& value, Origin origin);
};

// One thing that is wrong with the configuration.
struct Problem {
    Origin origin;
    std::string setting;                           // Setting::name(), or empty: not about a known setting
    std::string what;                              // what was found and what was expected
    ExitCode exit_code = ExitCode::Configuration;  // of a run that has only problems of this kind

    // One line: "shop.toml:3:8: what", "environment variable FETTLE_LOG_LEVEL: what", "--threads: what"
    [[nodiscard]] std::string message() const;
};

using Problems = std::vector<Problem>;

// True if one of the problems is about this setting: its value in the Effective configuration then means nothing.
[[nodiscard]] bool is_refused(const Problems& problems, std::string_view setting);

}  // namespace fettle::config

#include "config/origin.h"

#include "config/value.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace fettle::config {

std::string to_string(const Origin& origin) {
    switch (origin.kind) {
        case Origin::BuiltIn:
            return "built-in";
        case Origin::File:
            return "file " + origin.where;
        case Origin::Environment:
            return "environment " + origin.where;
        case Origin::CommandLine:
            return "command line " + origin.where;
    }
    return {};
}

Origin Effective::origin_of(std::string_view setting) const {
    const auto found = origins.find(setting);
    return found == origins.end() ? Origin{} : found->second;
}

void Effective::assign(const Setting& setting, const Value& value, Origin origin) {
    setting.set(config, value);
    origins[setting.name()] = std::move(origin);
}

std::string Problem::message() const {
    switch (origin.kind) {
        case Origin::BuiltIn:
            return one_line(what);
        case Origin::Environment:
            return one_line(fmt::format("environment variable {}: {}", origin.where, what));
        case Origin::File:
        case Origin::CommandLine:
            return one_line(fmt::format("{}: {}", origin.where, what));
    }
    return {};
}

bool is_refused(const Problems& problems, std::string_view setting) {
    return std::any_of(problems.begin(), problems.end(),
                       [&](const Problem& problem) { return problem.setting == setting; });
}

}  // namespace fettle::config

#include "config/resolve.h"

#include "config/load.h"
#include "config/nearest.h"
#include "config/value.h"

#include <fmt/format.h>

#include <unistd.h>

#include <algorithm>
#include <string_view>
#include <utility>

namespace fettle::config {
namespace {

constexpr std::string_view kVariablePrefix = "FETTLE_";

void put(Resolution& resolution, const Setting& setting, Result<Value> value, Origin origin) {
    if (value) {
        resolution.effective.assign(setting, *value, std::move(origin));
    } else {
        resolution.problems.push_back({std::move(origin), setting.name(), value.error().what});
    }
}

bool takes_empty_text(const Setting& setting) {
    const auto* text = std::get_if<TextKind>(&setting.kind);
    const auto* list = std::get_if<TextListKind>(&setting.kind);
    return (text != nullptr && text->empty == Emptiness::Allowed) ||
           (list != nullptr && list->empty == Emptiness::Allowed);
}

// An empty variable counts as not set, unless the empty text is a value.
const std::string* find_variable(const Environment& environment, std::string_view name, const Setting& setting) {
    const auto found = environment.find(name);
    const bool set = found != environment.end() && (!found->second.empty() || takes_empty_text(setting));
    return set ? &found->second : nullptr;
}

void apply_environment(const Environment& environment, Resolution& resolution) {
    for (const Setting& setting : settings()) {
        const std::string own = setting.environment();
        if (own.empty()) {
            continue;
        }
        if (const std::string* text = find_variable(environment, own, setting)) {
            put(resolution, setting, parse_text(setting, *text), {Origin::Environment, own});
        } else if (setting.foreign.name.empty()) {
            continue;
        } else if (const std::string* foreign = find_variable(environment, setting.foreign.name, setting)) {
            put(resolution, setting, parse_text(setting, std::string(setting.foreign.prefix) + *foreign),
                {Origin::Environment, std::string(setting.foreign.name)});
        }
    }
}

// FETTLE_HTTP_MAX_HEADER is a slip of the pen. A name that is near to none of ours is somebody else's (Kubernetes sets
// FETTLE_SERVICE_HOST for a service called "fettle") and stays unmentioned.
void warn_of_mistyped_variables(const Environment& environment, Resolution& resolution) {
    constexpr std::size_t kSlips = 2;
    std::vector<std::string> names;
    for (const Setting& setting : settings()) {
        names.push_back(setting.environment());
    }
    for (const auto& [variable, text] : environment) {
        const bool ours = variable.compare(0, kVariablePrefix.size(), kVariablePrefix) == 0;
        if (!ours || std::find(names.begin(), names.end(), variable) != names.end()) {
            continue;
        }
        const std::string near = nearest(variable, names);
        if (!near.empty() && edit_distance(variable, near) <= kSlips) {
            resolution.warnings.push_back(
                    fmt::format("environment variable {} is not a setting and is ignored; did you mean {}?",
                                one_line(variable), near));
        }
    }
}

Result<Value> parse_override(const Override& from) {
    if (std::holds_alternative<TextListKind>(
                from.setting->kind)) {  // commas separate nothing here: the flag is repeated instead
        Result<Value> list = Value{TextList(from.values)};
        FETTLE_CHECK_OK(check(*from.setting, *list));
        return list;
    }
    return parse_text(*from.setting, from.values.back());
}

void apply_command_line(const std::vector<Override>& overrides, Resolution& resolution) {
    for (const Override& one : overrides) {
        put(resolution, *one.setting, parse_override(one), {Origin::CommandLine, one.flag});
    }
}

// The balancer has no environment, so the directory is settled here.
void settle_spool_directory(const Environment& environment, Resolution& resolution) {
    constexpr std::string_view kName = "http.spool_dir";
    if (!resolution.effective.config.http.spool_dir.empty()) {
        return;
    }
    const auto variable = environment.find("TMPDIR");
    if (variable != environment.end() && !variable->second.empty()) {
        const Setting& setting = *find_setting(kName);
        put(resolution, setting, parse_text(setting, variable->second), {Origin::Environment, variable->first});
    } else {
        resolution.effective.config.http.spool_dir = "/tmp";
        resolution.effective.origins.erase(std::string(kName));
    }
}

}  // namespace

Resolution resolve(const Sources& sources, Purpose purpose) {
    Resolution resolution;
    const FileOutcome file = sources.file.empty() ? FileOutcome::Walked
                                                  : load_file(sources.file, resolution.effective, resolution.problems);
    apply_environment(sources.environment, resolution);
    warn_of_mistyped_variables(sources.environment, resolution);
    apply_command_line(sources.command_line, resolution);
    settle_spool_directory(sources.environment, resolution);
    if (file == FileOutcome::Walked) {  // else every setting of the file would look missing
        validate(resolution.effective, purpose, resolution.problems);
    }
    return resolution;
}

Environment process_environment() {
    Environment variables;
    for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
        const std::string_view text(*entry);
        const auto equals = text.find('=');
        if (equals != text.npos) {
            variables.emplace(text.substr(0, equals), text.substr(equals + 1));
        }
    }
    return variables;
}

}  // namespace fettle::config

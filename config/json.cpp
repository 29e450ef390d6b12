#include "config/json.h"

#include "config/value.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <utility>

namespace fettle::config {
namespace {

using Json = nlohmann::ordered_json;

Json value_to_json(const Value& value) {
    return std::visit(
            [](const auto& held) -> Json {
                if constexpr (std::is_same_v<std::decay_t<decltype(held)>, Seconds>) {
                    return held.count();
                } else {
                    return held;
                }
            },
            value);
}

template <class Container>
bool all_strings(const Json& json) {
    for (const Json& item : json) {
        if (!item.is_string()) {
            return false;
        }
    }
    return std::is_same_v<Container, TextMap> ? json.is_object() : json.is_array();
}

Result<Value> value_from_json(const Setting& setting, const Json& json) {
    const Value model = setting.get(Config{});  // has the type of the field
    if (std::holds_alternative<bool>(model) && json.is_boolean()) {
        return Value{json.get<bool>()};
    }
    if (std::holds_alternative<std::int64_t>(model) && json.is_number_integer()) {
        return Value{json.get<std::int64_t>()};
    }
    if (std::holds_alternative<Seconds>(model) && json.is_number()) {
        return Value{Seconds{json.get<double>()}};
    }
    if (std::holds_alternative<std::string>(model) && json.is_string()) {
        return Value{json.get<std::string>()};
    }
    if (std::holds_alternative<TextList>(model) && all_strings<TextList>(json)) {
        return Value{json.get<TextList>()};
    }
    if (std::holds_alternative<TextMap>(model) && all_strings<TextMap>(json)) {
        return Value{json.get<TextMap>()};
    }
    return mismatch(setting, json.dump());
}

// An unset text (app.target of `config --show`) is empty and would not pass check().
bool is_built_in(const Setting& setting, const Value& value) {
    return value == setting.get(Config{});
}

std::string_view kind_name(Origin::Kind kind) {
    switch (kind) {
        case Origin::BuiltIn:
            return "built-in";
        case Origin::File:
            return "file";
        case Origin::Environment:
            return "environment";
        case Origin::CommandLine:
            return "command line";
    }
    return {};
}

}  // namespace

std::string to_json(const Config& config) {
    Json json = Json::object();
    for (const Setting& setting : settings()) {
        json[std::string(setting.section)][std::string(setting.key)] = value_to_json(setting.get(config));
    }
    return json.dump();
}

Result<Config> from_json(std::string_view text) {
    const Json json = Json::parse(text, nullptr, false);
    if (!json.is_object()) {
        return Error{"the configuration is not a JSON object"};
    }
    Config config;
    std::size_t expected = 0;
    for (const Setting& setting : settings()) {
        const auto section = json.find(std::string(setting.section));
        if (section == json.end() || !section->is_object() || !section->contains(std::string(setting.key))) {
            return Error{fmt::format("{} is missing", setting.name())};
        }
        FETTLE_TRY(value, value_from_json(setting, section->at(std::string(setting.key))));
        if (!is_built_in(setting, value)) {
            FETTLE_CHECK_OK(check(setting, value));
        }
        setting.set(config, value);
        ++expected;
    }
    std::size_t given = 0;
    for (const Json& section : json) {
        given += section.size();
    }
    if (given != expected || json.size() != sections().size()) {
        return Error{"the configuration has keys that this version does not know"};
    }
    return config;
}

std::string to_json_with_origins(const Effective& effective) {
    Json json = Json::object();
    for (const Setting& setting : settings()) {
        const Value value = setting.get(effective.config);
        const auto* integer = std::get_if<IntegerKind>(&setting.kind);
        const bool automatic =
                integer != nullptr && integer->automatic == Automatic::Yes && value == Value{std::int64_t{0}};
        const Origin origin = effective.origin_of(setting.name());
        Json& entry = json[setting.name()];
        entry["value"] = automatic ? Json("auto") : value_to_json(value);
        entry["origin"] = kind_name(origin.kind);
        if (!origin.where.empty()) {
            entry["where"] = origin.where;
        }
    }
    return json.dump(2);
}

}  // namespace fettle::config

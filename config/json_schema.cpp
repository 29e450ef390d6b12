#include "config/describe.h"
#include "config/overloaded.h"
#include "config/reference.h"
#include "config/value.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace fettle::config {
namespace {

using Json = nlohmann::ordered_json;

Json any_of(std::initializer_list<Json> choices) {
    return Json{{"anyOf", Json(choices)}};
}

Json integer_schema(const IntegerKind& kind) {
    const Json number{{"type", "integer"}, {"minimum", kind.min}, {"maximum", kind.max}};
    if (kind.unit == Unit::Bytes) {
        return any_of({number, Json{{"type", "string"}, {"pattern", "^[0-9]+(KB|MB|GB)?$"}}});
    }
    return kind.automatic == Automatic::Yes ? any_of({number, Json{{"const", "auto"}}}) : number;
}

Json kind_schema(const Kind& kind) {
    return std::visit(
            Overloaded{
                    [](const FlagKind&) {
                        return Json{{"type", "boolean"}};
                    },
                    [](const IntegerKind& integer) { return integer_schema(integer); },
                    [](const DurationKind& duration) {
                        return any_of({Json{{"type", "number"},
                                            {"minimum", duration.min.count()},
                                            {"maximum", duration.max.count()}},
                                       Json{{"type", "string"}, {"pattern", "^[0-9]+(\\.[0-9]+)?(ms|s|m|h)?$"}}});
                    },
                    [](const ChoiceKind& choice) {
                        return Json{{"enum", std::vector<std::string>(choice.names.begin(), choice.names.end())}};
                    },
                    [](const TextKind& text) {
                        return Json{{"type", "string"}, {"minLength", text.empty == Emptiness::Allowed ? 0 : 1}};
                    },
                    [](const TextListKind& list) {
                        const Json text{{"type", "string"}, {"minLength", 1}};
                        const int least = list.empty == Emptiness::Allowed ? 0 : 1;
                        return any_of({text, Json{{"type", "array"}, {"items", text}, {"minItems", least}}});
                    },
                    [](const TextMapKind&) {
                        return Json{{"type", "object"}, {"additionalProperties", Json{{"type", "string"}}}};
                    },
            },
            kind);
}

// As it is written in the file: durations, sizes and "auto" are texts there.
Json written_default(const Setting& setting) {
    const Json written = Json::parse(to_toml(setting, setting.get(Config{})), nullptr, false);
    return written.is_discarded() ? Json::object() : written;
}

Json setting_schema(const Setting& setting) {
    Json schema{{"description", setting.documentation}};
    schema.update(kind_schema(setting.kind));
    if (setting.name() != "app.target") {
        schema["default"] = written_default(setting);
    }
    return schema;
}

}  // namespace

std::string json_schema() {
    Json properties = Json::object();
    for (const Section& section : sections()) {
        Json keys = Json::object();
        for (const Setting& setting : settings()) {
            if (setting.section == section.name) {
                keys[std::string(setting.key)] = setting_schema(setting);
            }
        }
        properties[std::string(section.name)] = Json{{"description", section.documentation},
                                                     {"type", "object"},
                                                     {"additionalProperties", false},
                                                     {"properties", keys}};
    }
    const Json schema{{"$schema", "https://json-schema.org/draft/2020-12/schema"},
                      {"title", "fettle configuration"},
                      {"description", "Generated from config/describe.cpp by scripts/generate-docs"},
                      {"type", "object"},
                      {"additionalProperties", false},
                      {"properties", properties}};
    return schema.dump(2) + "\n";
}

}  // namespace fettle::config

#include "config/reference.h"

#include "config/describe.h"
#include "config/load.h"
#include "temporary_file.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <fstream>
#include <iterator>
#include <string>

namespace fettle::config {
namespace {

std::string committed(const std::string& name) {
    std::ifstream file(std::string(FETTLE_DOCS) + '/' + name, std::ios::binary);
    REQUIRE(file);
    return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

TEST_CASE("docs/configuration.md is what fettle config --reference prints", "[reference]") {
    INFO("regenerate it with scripts/generate-docs");
    CHECK(committed("configuration.md") == reference_markdown());
}

TEST_CASE("docs/configuration.schema.json is what fettle config --schema prints", "[reference]") {
    INFO("regenerate it with scripts/generate-docs");
    CHECK(committed("configuration.schema.json") == json_schema());
}

TEST_CASE("the reference describes every setting", "[reference]") {
    const std::string reference = reference_markdown();
    for (const Setting& setting : settings()) {
        CAPTURE(setting.name());
        CHECK(reference.find("#### `" + setting.name() + "`\n") != std::string::npos);
        CHECK((setting.environment().empty() ||
               reference.find('`' + setting.environment() + '`') != std::string::npos));
    }
}

TEST_CASE("the complete example can be loaded, names every setting and changes nothing but the target", "[reference]") {
    const TemporaryFile file(complete_example());
    Effective effective;
    Problems problems;

    REQUIRE(load_file(file.path(), effective, problems) == FileOutcome::Walked);

    CHECK(problems.empty());
    CHECK(effective.origins.size() == settings().size());
    for (const Setting& setting : settings()) {
        CAPTURE(setting.name());
        CHECK((setting.get(effective.config) == setting.get(Config{})) == (setting.name() != "app.target"));
    }
}

TEST_CASE("the JSON Schema knows exactly the sections and keys of the file", "[reference]") {
    const auto schema = nlohmann::json::parse(json_schema());

    CHECK(schema["$schema"] == "https://json-schema.org/draft/2020-12/schema");
    CHECK(schema["additionalProperties"] == false);
    std::size_t keys = 0;
    for (const auto& section : schema["properties"]) {
        CHECK(section["additionalProperties"] == false);
        keys += section["properties"].size();
    }
    CHECK(keys == settings().size());
    for (const Setting& setting : settings()) {
        CAPTURE(setting.name());
        const auto& key = schema["properties"][std::string(setting.section)]["properties"][std::string(setting.key)];
        CHECK(key["description"] == setting.documentation);
        CHECK((key.contains("type") || key.contains("anyOf") || key.contains("enum")));
    }
}

TEST_CASE("the JSON Schema carries ranges, choices and defaults", "[reference]") {
    const auto schema = nlohmann::json::parse(json_schema());
    const auto key = [&](const char* section, const char* name) {
        return schema["properties"][section]["properties"][name];
    };

    CHECK(key("concurrency", "threads")["minimum"] == 1);
    CHECK(key("concurrency", "threads")["maximum"] == 128);
    CHECK(key("concurrency", "processes")["anyOf"][1]["const"] == "auto");
    CHECK(key("concurrency", "processes")["default"] == "auto");
    CHECK(key("log", "level")["enum"] == nlohmann::json{"debug", "info", "warning", "error"});
    CHECK(key("timeouts", "start")["default"] == "1m");
    CHECK(key("http", "max_header_bytes")["default"] == "32KB");
    CHECK(key("listen", "bind")["default"] == nlohmann::json{"127.0.0.1:8000"});
    CHECK(key("app", "env")["default"] == nlohmann::json::object());
}

}  // namespace fettle::config

#include "config/json.h"

#include "config/describe.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <string>
#include <vector>

namespace fettle::config {
namespace {

Config changed_everywhere() {
    Config config;
    config.app = {.target = "shop.wsgi:app",
                  .chdir = "/srv/shöp \"x\"",
                  .preload = false,
                  .env = {{"A", "1"}, {"B", "\n\t\\"}}};
    config.listen = {.bind = {":80", "[::1]:81", "unix:/run/a,b"}, .backlog = 17};
    config.python.gil = "/usr/bin/python3.11";
    config.concurrency = {.mode = Mode::Processes, .processes = 7, .threads = 3};
    config.http.keep_alive = false;
    config.http.max_body_bytes = std::int64_t{1} << 40;
    config.queue = {.max_length = 9, .timeout = Seconds{0.1}};
    config.timeouts.graceful = Seconds{1.0 / 3};
    config.recycle = {.max_requests = 1000,
                      .max_requests_jitter = 100,
                      .max_lifetime = Seconds{3600},
                      .max_lifetime_jitter = Seconds{60}};
    config.restart = {.base_delay = Seconds{0.3}, .max_delay = Seconds{7}, .start_attempts = 2};
    config.log = {.level = LogLevel::Error,
                  .format = LogFormat::Json,
                  .file = "/var/log/f",
                  .access = "-",
                  .access_format = "json"};
    return config;
}

nlohmann::json parsed(const Config& config) {
    return nlohmann::json::parse(to_json(config));
}

}  // namespace

TEST_CASE("the balancer reads exactly the configuration that the supervisor wrote", "[json]") {
    for (const Config& config : {Config{}, changed_everywhere()}) {
        const auto again = from_json(to_json(config));
        REQUIRE(again);
        for (const Setting& setting : settings()) {
            CAPTURE(setting.name());
            CHECK(setting.get(*again) == setting.get(config));
        }
    }
}

TEST_CASE("JSON that is not a whole configuration of this version is refused with the reason", "[json]") {
    struct Case {
        std::string text;
        std::string reason;
    };

    auto without_section = parsed(Config{});
    without_section.erase("http");
    auto without_key = parsed(Config{});
    without_key["http"].erase("keep_alive");
    auto unknown_key = parsed(Config{});
    unknown_key["http"]["surprise"] = 1;
    auto unknown_section = parsed(Config{});
    unknown_section["surprise"] = nlohmann::json::object();
    auto wrong_type = parsed(Config{});
    wrong_type["http"]["max_headers"] = "5";
    auto wrong_element = parsed(Config{});
    wrong_element["listen"]["bind"] = {":80", 5};
    auto out_of_range = parsed(Config{});
    out_of_range["concurrency"]["threads"] = 1000;
    auto wrong_choice = parsed(Config{});
    wrong_choice["log"]["level"] = "loud";
    auto section_is_no_object = parsed(Config{});
    section_is_no_object["http"] = 5;
    const std::vector<Case> cases{
            {"", "not a JSON object"},
            {"[]", "not a JSON object"},
            {"{", "not a JSON object"},
            {"{}", "app.target is missing"},
            {without_section.dump(), "http.keep_alive is missing"},
            {without_key.dump(), "http.keep_alive is missing"},
            {section_is_no_object.dump(), "http.keep_alive is missing"},
            {unknown_key.dump(), "keys that this version does not know"},
            {unknown_section.dump(), "keys that this version does not know"},
            {wrong_type.dump(), "http.max_headers is \"5\"; expected an integer"},
            {wrong_element.dump(), "listen.bind is [\":80\",5]; expected"},
            {out_of_range.dump(), "concurrency.threads is 1000; expected"},
            {wrong_choice.dump(), "log.level is \"loud\"; expected"},
    };
    for (const Case& one : cases) {
        CAPTURE(one.text);
        const auto config = from_json(one.text);
        REQUIRE_FALSE(config);
        CHECK_THAT(config.error().message(), Catch::Contains(one.reason));
    }
}

TEST_CASE("config --show --json tells value and origin of every setting", "[json]") {
    Effective effective;
    effective.assign(*find_setting("http.max_headers"), std::int64_t{5}, {Origin::File, "shop.toml:2:15"});
    effective.assign(*find_setting("log.level"), std::string("debug"), {Origin::Environment, "FETTLE_LOG_LEVEL"});

    const auto json = nlohmann::json::parse(to_json_with_origins(effective));

    CHECK(json.size() == settings().size());
    CHECK(json["http.max_headers"] == nlohmann::json{{"value", 5}, {"origin", "file"}, {"where", "shop.toml:2:15"}});
    CHECK(json["log.level"] ==
          nlohmann::json{{"value", "debug"}, {"origin", "environment"}, {"where", "FETTLE_LOG_LEVEL"}});
    CHECK(json["concurrency.processes"] == nlohmann::json{{"value", "auto"}, {"origin", "built-in"}});
    CHECK(json["timeouts.send"]["value"] == 60.0);
}

}  // namespace fettle::config

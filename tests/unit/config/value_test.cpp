#include "config/value.h"

#include "config/checks.h"

#include <catch2/catch.hpp>

#include <optional>
#include <string>
#include <vector>

namespace fettle::config {
namespace {

const Setting& setting(std::string_view name) {
    const Setting* found = find_setting(name);
    REQUIRE(found != nullptr);
    return *found;
}

}  // namespace

TEST_CASE("durations are seconds, or carry a unit", "[value]") {
    struct Case {
        std::string text;
        std::optional<double> seconds;
    };

    const std::vector<Case> cases{
            {"30", 30.0},           {"0.5", 0.5},
            {"500ms", 0.5},         {"30s", 30.0},
            {"5m", 300.0},          {"1h", 3600.0},
            {"1.5h", 5400.0},       {"0", 0.0},
            {"-1s", -1.0},          {"0.1s", 0.1},
            {"300ms", 0.3},         {"", std::nullopt},
            {"s", std::nullopt},    {"5 m", std::nullopt},
            {"1d", std::nullopt},   {"1H", std::nullopt},
            {"1e3", std::nullopt},  {"inf", std::nullopt},
            {"nan", std::nullopt},  {"1m30s", std::nullopt},
            {"0x10", std::nullopt}, {"1.2.3", std::nullopt},
    };
    for (const Case& one : cases) {
        CAPTURE(one.text);
        const auto duration = parse_duration(one.text);
        REQUIRE(duration.has_value() == one.seconds.has_value());
        if (duration) {
            CHECK(duration->count() == *one.seconds);
        }
    }
}

TEST_CASE("sizes are bytes, or carry a unit of 1024", "[value]") {
    struct Case {
        std::string text;
        std::optional<std::int64_t> bytes;
    };

    const std::vector<Case> cases{
            {"0", 0},
            {"65536", 65536},
            {"64KB", 65536},
            {"1MB", 1048576},
            {"2GB", std::int64_t{2} * 1024 * 1024 * 1024},
            {"-1", -1},
            {"", std::nullopt},
            {"KB", std::nullopt},
            {"64 KB", std::nullopt},
            {"64kb", std::nullopt},
            {"1.5MB", std::nullopt},
            {"1TB", std::nullopt},
            {"9223372036854775807GB", std::nullopt},
            {"99999999999999999999", std::nullopt},
    };
    for (const Case& one : cases) {
        CAPTURE(one.text);
        const auto size = parse_size(one.text);
        REQUIRE(size.has_value() == one.bytes.has_value());
        if (size) {
            CHECK(*size == *one.bytes);
        }
    }
}

TEST_CASE("text from the environment or the command line becomes the value of the setting", "[value]") {
    struct Case {
        std::string name;
        std::string text;
        Value value;
    };

    const std::vector<Case> cases{
            {"app.preload", "no", false},
            {"app.preload", "1", true},
            {"concurrency.threads", "8", std::int64_t{8}},
            {"concurrency.processes", "auto", std::int64_t{0}},
            {"concurrency.processes", "3", std::int64_t{3}},
            {"http.max_body_bytes", "10MB", std::int64_t{10485760}},
            {"timeouts.graceful", "5m", Seconds{300}},
            {"log.level", "warning", std::string("warning")},
            {"log.access", "", std::string()},
            {"app.chdir", "/srv/shöp", std::string("/srv/shöp")},
            {"app.script_name", "/shöp/eu", std::string("/shöp/eu")},
            {"app.script_name", "", std::string()},
            {"app.warmup", "/,/search?q=caf%C3%A9", TextList{"/", "/search?q=caf%C3%A9"}},
            {"listen.bind", ":80, unix:/run/a", TextList{":80", "unix:/run/a"}},
            {"http.trusted_proxies", "10.0.0.0/8,unix", TextList{"10.0.0.0/8", "unix"}},
            {"http.trusted_proxies", "", TextList{}},
    };
    for (const Case& one : cases) {
        CAPTURE(one.name, one.text);
        const auto value = parse_text(setting(one.name), one.text);
        REQUIRE(value);
        CHECK(*value == one.value);
    }
}

TEST_CASE("a wrong text is refused with the setting, what was found and what was expected", "[value]") {
    struct Case {
        std::string name;
        std::string text;
        std::string message;
    };

    const std::vector<Case> cases{
            {"app.preload", "maybe", R"(app.preload is "maybe"; expected true or false)"},
            {"concurrency.threads", "0", "concurrency.threads is 0; expected an integer from 1 to 128"},
            {"concurrency.threads", "129", "concurrency.threads is 129; expected an integer from 1 to 128"},
            {"concurrency.threads", "many", R"(concurrency.threads is "many"; expected an integer from 1 to 128)"},
            {"concurrency.threads", "1.5", R"(is "1.5")"},
            {"concurrency.processes", "0",
             R"(concurrency.processes is 0; expected an integer from 1 to 1024 or "auto")"},
            {"concurrency.processes", "-1", "concurrency.processes is -1"},
            {"concurrency.mode", "threads",
             R"("threads"; expected "processes": this version of fettle runs workers as processes only)"},
            {"http.max_header_bytes", "1MB", "http.max_header_bytes is 1048576; expected a size from 256 to 64KB"},
            {"timeouts.graceful", "-5s", "timeouts.graceful is -5s; expected a duration from 0s to 24h"},
            {"timeouts.graceful", "soon", R"(timeouts.graceful is "soon"; expected a duration)"},
            {"log.level", "loud", R"(log.level is "loud"; expected one of "debug", "info", "warning", "error")"},
            {"log.level", "Info", R"(log.level is "Info")"},
            {"app.chdir", "", "app.chdir is empty; expected a text that is not empty"},
            {"app.script_name", "shop", "a mount point starts with '/'"},
            {"app.script_name", "/shop/", "does not end with one"},
            {"app.script_name", "/", "does not end with one"},
            {"app.script_name", "/a\nb", "holds no control characters"},
            {"app.warmup", "/,products", "a path starts with '/'"},
            {"app.warmup", "/a b", "other bytes as %XX"},
            {"app.chdir", std::string("/a\0b", 4), "app.chdir contains a NUL character"},
            {"app.chdir", "/srv/\xff", "app.chdir is not valid UTF-8"},
            {"app.chdir", "\xc0\xaf", "not valid UTF-8"},
            {"app.chdir", "\xed\xa0\x80", "not valid UTF-8"},
            {"app.chdir", "\xe2\x82", "not valid UTF-8"},
            {"http.server_header", "a\nSet-Cookie: x", "a header's value contains no control characters"},
            {"listen.bind", ":80,8000", R"(listen.bind is "8000": the host is missing)"},
            {"listen.bind", ":80,,:81", "it is empty"},
            {"http.trusted_proxies", "10.0.0.0/8,proxy.example", R"("proxy.example": it is neither an address nor)"},
            {"http.trusted_proxies", "*", R"(everybody is written "0.0.0.0/0", "::/0", "unix")"},
    };
    for (const Case& one : cases) {
        CAPTURE(one.name, one.text);
        const auto value = parse_text(setting(one.name), one.text);
        REQUIRE_FALSE(value);
        CHECK_THAT(value.error().message(), Catch::Contains(one.message));
    }
}

TEST_CASE("a long value is cut in messages, between characters", "[value]") {
    std::string text(79, 'x');
    text += "\xe2\x82\xac and more";  // the euro sign does not fit into 80 bytes

    CHECK(excerpt(text) == '"' + std::string(79, 'x') + "\"...");
    CHECK(excerpt("short") == "\"short\"");
}

TEST_CASE("values are written as TOML in the unit a person would choose", "[value]") {
    struct Case {
        std::string name;
        Value value;
        std::string toml;
    };

    const std::vector<Case> cases{
            {"app.preload", true, "true"},
            {"concurrency.processes", std::int64_t{0}, R"("auto")"},
            {"concurrency.processes", std::int64_t{7}, "7"},
            {"http.max_body_bytes", std::int64_t{0}, "0"},
            {"http.max_body_bytes", std::int64_t{65536}, R"("64KB")"},
            {"http.max_body_bytes", std::int64_t{8190}, "8190"},
            {"http.max_body_bytes", std::int64_t{3} << 30, R"("3GB")"},
            {"timeouts.send", Seconds{0.25}, R"("250ms")"},
            {"timeouts.send", Seconds{0.3}, R"("300ms")"},
            {"timeouts.send", Seconds{90}, R"("90s")"},
            {"timeouts.send", Seconds{7200}, R"("2h")"},
            {"timeouts.graceful", Seconds{0}, R"("0s")"},
            {"app.chdir", std::string("a\"b\\c\n\t\x01"), R"("a\"b\\c\n\t\u0001")"},
            {"listen.bind", TextList{":80", ":81"}, R"([":80", ":81"])"},
            {"app.env", TextMap{}, "{}"},
            {"app.env", TextMap{{"A", "1"}, {"B", "2"}}, R"({ "A" = "1", "B" = "2" })"},
    };
    for (const Case& one : cases) {
        CAPTURE(one.name);
        CHECK(to_toml(setting(one.name), one.value) == one.toml);
    }
}

TEST_CASE("a duration survives being written and read again", "[value]") {
    for (const double seconds :
         {0.0, 0.001, 0.1, 0.3, 1.1, 7.0, 59.5, 60.0, 61.0, 3599.0, 3600.0, 5400.0, 86400.0, 0.00025}) {
        CAPTURE(seconds);
        std::string text = to_toml(setting("timeouts.send"), Seconds{seconds});
        text = text.substr(1, text.size() - 2);  // without the quotes
        const auto again = parse_duration(text);
        REQUIRE(again);
        CHECK(again->count() == seconds);
    }
}

TEST_CASE("a target is a module, and optionally a name in it", "[checks]") {
    for (const std::string good :
         {"shop", "shop.wsgi", "shop.wsgi:app", "shop:factory.app", "_a1.b2:C", "café", "package.py:app"}) {
        CAPTURE(good);
        CHECK(check_target(good));
    }

    struct Case {
        std::string text;
        std::string reason;
    };

    const std::vector<Case> cases{
            {"shop.py", "name the module instead: shop"},
            {"./shop/wsgi.py", "name the module instead: shop.wsgi"},
            {"/srv/shop/wsgi.py", "set app.chdir to its directory"},
            {"shop wsgi", "not a dotted Python name"},
            {":app", "not a dotted Python name"},
            {"shop..wsgi", "not a dotted Python name"},
            {".shop", "not a dotted Python name"},
            {"1shop", "not a dotted Python name"},
            {"shop:", "the part after the colon is not a Python name"},
            {"shop:app:x", "the part after the colon"},
            {"shop:create()", "the part after the colon"},
    };
    for (const Case& one : cases) {
        CAPTURE(one.text);
        const auto judged = check_target(one.text);
        REQUIRE_FALSE(judged);
        CHECK_THAT(judged.error().message(), Catch::Contains(one.reason));
    }
}

}  // namespace fettle::config

#include "config/describe.h"

#include "config/value.h"
#include "ipc/layout.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <set>
#include <string>

namespace fettle::config {

TEST_CASE("every setting stands in a described section, with a documentation and a name of its own", "[describe]") {
    std::set<std::string> names;
    std::set<std::string> variables;
    std::set<std::string_view> flags;
    for (const Setting& setting : settings()) {
        CAPTURE(setting.name());
        CHECK(std::any_of(sections().begin(), sections().end(),
                          [&](const Section& one) { return one.name == setting.section; }));
        CHECK(setting.documentation.size() > 20);
        CHECK(setting.documentation.back() == '.');
        CHECK(names.insert(setting.name()).second);
        CHECK((setting.environment().empty() || variables.insert(setting.environment()).second));
        CHECK((setting.flag.name.empty() || flags.insert(setting.flag.name).second));
        CHECK(find_setting(setting.name()) == &setting);
    }
    CHECK(find_setting("http.nothing") == nullptr);
}

TEST_CASE("every default passes its own check, except the target, which has none", "[describe]") {
    for (const Setting& setting : settings()) {
        CAPTURE(setting.name());
        const auto judged = check(setting, setting.get(Config{}));
        CHECK(judged.has_value() == (setting.name() != "app.target"));
    }
}

TEST_CASE("writing a setting changes that setting and no other", "[describe]") {
    const Config untouched;
    for (const Setting& setting : settings()) {
        CAPTURE(setting.name());
        Config config;
        Value other = setting.get(untouched);
        if (auto* flag = std::get_if<bool>(&other)) {
            *flag = !*flag;
        } else if (auto* number = std::get_if<std::int64_t>(&other)) {
            *number += 1;
        } else if (auto* duration = std::get_if<Seconds>(&other)) {
            *duration += Seconds{1};
        } else if (auto* list = std::get_if<TextList>(&other)) {
            list->push_back(":1");
        } else if (auto* map = std::get_if<TextMap>(&other)) {
            map->emplace("A", "1");
        } else if (const auto* choice = std::get_if<ChoiceKind>(&setting.kind)) {
            other = std::string(choice->names.back());
        } else {
            other = std::string("changed");
        }

        setting.set(config, other);

        CHECK(setting.get(config) == other);
        for (const Setting& one : settings()) {
            if (&one != &setting) {
                CHECK(one.get(config) == one.get(untouched));
            }
        }
    }
}

TEST_CASE("the most threads of a process fit its channels, spares included", "[describe]") {
    const auto& threads = std::get<IntegerKind>(find_setting("concurrency.threads")->kind);

    CHECK(threads.max + std::max<std::int64_t>(1, threads.max / 4) <= std::int64_t{ipc::kMaxLanes});
}

TEST_CASE("the largest request head and buffered body fit the arena of a channel", "[describe]") {
    const auto max = [](std::string_view name) { return std::get<IntegerKind>(find_setting(name)->kind).max; };
    constexpr std::int64_t kBytesPerHeader = 24;  // ipc::HeaderEntry
    constexpr std::int64_t kFixedBytes = 1024;    // the record, addresses, the request id

    CHECK(max("http.max_request_line") + max("http.max_header_bytes") + max("http.max_headers") * kBytesPerHeader +
                  max("http.body_buffer_bytes") + kFixedBytes <=
          std::int64_t{ipc::kRequestArenaBytes});
}

}  // namespace fettle::config

#include "config/nearest.h"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

namespace fettle::config {

TEST_CASE("the edit distance counts slips of the pen", "[nearest]") {
    struct Case {
        std::string one;
        std::string other;
        std::size_t distance;
    };

    const std::vector<Case> cases{
            {"", "", 0},
            {"abc", "abc", 0},
            {"", "abc", 3},
            {"abc", "abcd", 1},
            {"abc", "ac", 1},
            {"abc", "axc", 1},
            {"abc", "acb", 1},
            {"ab", "ba", 1},
            {"kitten", "sitting", 3},
            {"htpp", "http", 1},
            {"proceses", "processes", 1},
    };
    for (const Case& one : cases) {
        CAPTURE(one.one, one.other);
        CHECK(edit_distance(one.one, one.other) == one.distance);
        CHECK(edit_distance(one.other, one.one) == one.distance);
    }
}

TEST_CASE("a mistyped setting is recognised, in its own section first", "[nearest]") {
    struct Case {
        std::string section;
        std::string key;
        std::string meant;
    };

    const std::vector<Case> cases{
            {"concurrency", "proceses", "concurrency.processes"},
            {"http", "keepalive", "http.keep_alive"},
            {"timeouts", "keepalive", "timeouts.keep_alive"},
            {"http", "backlog", "listen.backlog"},
            {"http", "baklog", "listen.backlog"},
            {"", "threads", "concurrency.threads"},
            {"", "thread", "concurrency.threads"},
            {"http", "nothing_like_it_at_all", ""},
            {"http", "q", ""},
    };
    for (const Case& one : cases) {
        CAPTURE(one.section, one.key);
        CHECK(nearest_setting(one.section, one.key) == one.meant);
    }
    CHECK(nearest_section("concurency") == "concurrency");
    CHECK(nearest_section("timeout") == "timeouts");
    CHECK(nearest_section("database").empty());
}

}  // namespace fettle::config

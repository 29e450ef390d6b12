#include "supervisor/core/lifecycle_doc.h"

#include <catch2/catch.hpp>

#include <cstdlib>
#include <fstream>
#include <iterator>

TEST_CASE("docs/lifecycle.md says what the state table says") {
    const std::string path = std::string(FETTLE_DOCS) + "/lifecycle.md";
    const std::string expected = fettle::supervisor::core::lifecycle_markdown();
    if (const char* update = std::getenv("FETTLE_UPDATE_DOCS"); update != nullptr && *update == '1') {
        std::ofstream(path) << expected;
    }
    std::ifstream file(path);
    REQUIRE(file);
    const std::string committed{std::istreambuf_iterator<char>(file), {}};
    INFO("set FETTLE_UPDATE_DOCS=1 and run this test to write docs/lifecycle.md anew");
    CHECK(committed == expected);
}

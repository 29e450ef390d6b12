#include "supervisor/core/lifecycle_doc.h"

#include <catch2/catch.hpp>

#include <fstream>
#include <iterator>

TEST_CASE("docs/lifecycle.md says what the state table says") {
    std::ifstream file(FETTLE_DOCS "/lifecycle.md");
    REQUIRE(file);
    const std::string committed{std::istreambuf_iterator<char>(file), {}};
    INFO("write it anew with scripts/generate-docs, or: fettle lifecycle > docs/lifecycle.md");
    CHECK(committed == fettle::supervisor::core::lifecycle_markdown());
}

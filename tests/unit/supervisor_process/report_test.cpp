#include "supervisor/report.h"

#include <catch2/catch.hpp>

using namespace fettle::supervisor;
using namespace std::chrono_literals;
using core::Next;
using core::action::Release;

TEST_CASE("the line about a death says what happens next") {
    CHECK(report::next_step(Release{.next = Next::Now}) == "restarting now");
    CHECK(report::next_step(Release{.next = Next::Later, .delay = 412ms, .early_deaths = 3}) ==
          "restarting in 0.4 s (early death 3)");
    CHECK(report::next_step(Release{.next = Next::Waiting}) == "restarting as soon as possible");
    CHECK(report::next_step(Release{.next = Next::GivenUp}) == "giving up");
    CHECK(report::next_step(Release{.next = Next::None}) == "not restarted");
}

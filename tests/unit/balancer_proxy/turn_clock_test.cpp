#include "balancer/proxy/turn_clock.h"

#include <catch2/catch.hpp>

using namespace fettle;
using namespace fettle::balancer;
using namespace std::chrono_literals;

namespace {

class CountingClock final : public Clock {
  public:
    [[nodiscard]] TimePoint now() const override {
        ++reads;
        return time;
    }

    TimePoint time{100s};
    mutable int reads = 0;
};

}  // namespace

TEST_CASE("turn clock: all that happens in a turn happens at the same time, read once and only if asked",
          "[balancer]") {
    CountingClock clock;
    TurnClock sut(clock);
    CHECK(clock.reads == 0);

    const TimePoint first = sut.now();
    clock.time += 5s;

    CHECK(first == TimePoint{100s});
    CHECK(sut.now() == first);
    CHECK(clock.reads == 1);
}

TEST_CASE("turn clock: the next turn has a time of its own", "[balancer]") {
    CountingClock clock;
    TurnClock sut(clock);
    CHECK(sut.now() == TimePoint{100s});
    clock.time += 5s;

    sut.advance();
    sut.advance();

    CHECK(clock.reads == 1);
    CHECK(sut.now() == TimePoint{105s});
    CHECK(clock.reads == 2);
}

TEST_CASE("turn clock: the wall clock stands still within a turn, too", "[balancer]") {
    const auto wall = [] {
        return std::chrono::duration_cast<std::chrono::milliseconds>(
                std::chrono::system_clock::now().time_since_epoch());
    };
    CountingClock clock;
    TurnClock sut(clock);
    const auto before = wall();
    const auto first = sut.unix_time();
    CHECK(first >= before);
    const auto deadline = std::chrono::steady_clock::now() + 10s;
    while (wall() < first + 2ms) {
        REQUIRE(std::chrono::steady_clock::now() < deadline);
    }

    CHECK(sut.unix_time() == first);
    sut.advance();
    CHECK(sut.unix_time() >= first + 2ms);
}

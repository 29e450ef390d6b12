#include "supervisor/core/backoff.h"

#include <catch2/catch.hpp>

#include <set>

using namespace fettle;
using namespace fettle::supervisor::core;
using namespace std::chrono_literals;

namespace {
const TimePoint kStart{1000s};
}

TEST_CASE("a death before READY is early, whenever it comes") {
    CHECK(is_early_death(std::nullopt, kStart + 1h, false));
    CHECK(is_early_death(std::nullopt, kStart + 1h, true));
}

TEST_CASE("a death right after READY is early unless a response was completed") {
    CHECK(is_early_death(kStart, kStart + 999ms, false));
    CHECK_FALSE(is_early_death(kStart, kStart + 999ms, true));
    CHECK_FALSE(is_early_death(kStart, kStart + 1s, false));
}

TEST_CASE("the delay doubles from 100 ms, stays below 1.5 times the maximum and is spread by half") {
    for (std::uint64_t seed = 0; seed < 50; ++seed) {
        Random random(seed);
        Backoff backoff({});
        double expected = 0.1;
        for (int death = 1; death <= 80; ++death) {
            const double delay = std::chrono::duration<double>(backoff.early_death(random)).count();
            CHECK(backoff.early_deaths() == death);
            CHECK(delay >= 0.5 * expected - 1e-9);
            CHECK(delay < 1.5 * expected);
            expected = std::min(30.0, expected * 2);
        }
    }
}

TEST_CASE("a late death forgives all early ones") {
    Random random(1);
    Backoff backoff({});
    for (int death = 0; death < 10; ++death) {
        (void)backoff.early_death(random);
    }
    backoff.late_death();
    CHECK(backoff.early_deaths() == 0);
    CHECK(backoff.early_death(random) < 150ms);
}

TEST_CASE("seats that die together do not start together") {
    Random random(7);
    std::set<Duration> delays;
    for (int seat = 0; seat < 16; ++seat) {
        delays.insert(Backoff({}).early_death(random));
    }
    CHECK(delays.size() == 16);
}

TEST_CASE("the same seed gives the same delays") {
    Random first(42);
    Random second(42);
    for (int draw = 0; draw < 100; ++draw) {
        CHECK(first.next() == second.next());
    }
    CHECK(Random(42).next() != Random(43).next());
}

TEST_CASE("five early deaths in 30 s make a small pool degraded, two per seat a large one") {
    const auto deaths_until_degraded = [](std::size_t seats) {
        Intensity intensity(seats);
        int deaths = 1;
        while (!intensity.early_death(kStart + deaths * 10ms)) {
            ++deaths;
        }
        return deaths;
    };
    CHECK(deaths_until_degraded(1) == 5);
    CHECK(deaths_until_degraded(2) == 5);
    CHECK(deaths_until_degraded(3) == 6);
    CHECK(deaths_until_degraded(16) == 32);
}

TEST_CASE("deaths that are spread over more than 30 s do not count together") {
    Intensity intensity(1);
    for (int death = 0; death < 100; ++death) {
        CHECK_FALSE(intensity.early_death(kStart + death * 7600ms));
    }
    CHECK_FALSE(intensity.degraded());
}

TEST_CASE("a degraded pool recovers 60 s after the last early death, not earlier") {
    Intensity intensity(1);
    for (int death = 0; death < 5; ++death) {
        (void)intensity.early_death(kStart);
    }
    REQUIRE(intensity.degraded());
    CHECK(intensity.deadline() == kStart + 60s);
    CHECK_FALSE(intensity.early_death(kStart + 50s));  // already degraded: no second notice
    CHECK(intensity.deadline() == kStart + 110s);
    CHECK_FALSE(intensity.tick(kStart + 60s));
    CHECK_FALSE(intensity.tick(kStart + 110s - 1ns));
    CHECK(intensity.tick(kStart + 110s));
    CHECK_FALSE(intensity.degraded());
    CHECK(intensity.deadline() == std::nullopt);
    CHECK_FALSE(intensity.tick(kStart + 200s));
}

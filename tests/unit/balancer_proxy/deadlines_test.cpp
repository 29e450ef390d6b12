#include "balancer/proxy/deadlines.h"

#include <catch2/catch.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <vector>

using namespace fettle;
using namespace fettle::balancer;
using namespace std::chrono_literals;

namespace {

Deadlines::Durations durations() {
    Deadlines::Durations all{};
    all[static_cast<std::size_t>(DeadlineKind::Header)] = 30s;
    all[static_cast<std::size_t>(DeadlineKind::KeepAlive)] = 5s;
    all[static_cast<std::size_t>(DeadlineKind::Send)] = 0s;
    return all;
}

struct Owner final : DeadlineOwner {
    void on_deadline(DeadlineKind kind) override {
        expired.push_back(kind);
        if (then) {
            then();
        }
    }

    Deadline deadline{*this};
    std::vector<DeadlineKind> expired;
    std::function<void()> then;
};

constexpr TimePoint kStart{1000s};

}  // namespace

TEST_CASE("deadlines: each kind expires after its own time and only once", "[proxy]") {
    Deadlines sut(durations());
    Owner header;
    Owner idle;
    sut.start(header.deadline, DeadlineKind::Header, kStart);
    sut.start(idle.deadline, DeadlineKind::KeepAlive, kStart + 1s);

    REQUIRE(sut.next() == kStart + 6s);
    sut.expire(kStart + 6s - 1ns);
    CHECK(idle.expired.empty());
    sut.expire(kStart + 6s);
    CHECK(idle.expired == std::vector{DeadlineKind::KeepAlive});
    CHECK(header.expired.empty());
    CHECK(sut.next() == kStart + 30s);
    sut.expire(kStart + 100s);
    CHECK(header.expired == std::vector{DeadlineKind::Header});
    CHECK(idle.expired.size() == 1);
    CHECK_FALSE(sut.next().has_value());
}

TEST_CASE("deadlines: starting again moves the deadline, also to another kind", "[proxy]") {
    Deadlines sut(durations());
    Owner first;
    Owner second;
    sut.start(first.deadline, DeadlineKind::KeepAlive, kStart);
    sut.start(second.deadline, DeadlineKind::KeepAlive, kStart + 1s);
    sut.start(first.deadline, DeadlineKind::KeepAlive, kStart + 2s);

    CHECK(sut.next() == kStart + 6s);
    sut.start(second.deadline, DeadlineKind::Header, kStart + 2s);
    CHECK(sut.next() == kStart + 7s);
    sut.expire(kStart + 7s);
    CHECK(first.expired.size() == 1);
    CHECK(second.expired.empty());
}

TEST_CASE("deadlines: a stopped or destroyed deadline never expires", "[proxy]") {
    Deadlines sut(durations());
    Owner stopped;
    sut.start(stopped.deadline, DeadlineKind::KeepAlive, kStart);
    auto destroyed = std::make_unique<Owner>();
    sut.start(destroyed->deadline, DeadlineKind::KeepAlive, kStart);

    stopped.deadline.stop();
    destroyed.reset();

    CHECK_FALSE(sut.next().has_value());
    sut.expire(kStart + 100s);
    CHECK(stopped.expired.empty());
}

TEST_CASE("deadlines: a kind without a duration never expires", "[proxy]") {
    Deadlines sut(durations());
    Owner owner;

    sut.start(owner.deadline, DeadlineKind::Send, kStart);

    CHECK_FALSE(owner.deadline.active());
    CHECK_FALSE(sut.next().has_value());
}

TEST_CASE("deadlines: an owner may stop, start and destroy others while it is told", "[proxy]") {
    Deadlines sut(durations());
    Owner first;
    auto second = std::make_unique<Owner>();
    Owner third;
    for (Owner* owner : {&first, second.get(), &third}) {
        sut.start(owner->deadline, DeadlineKind::KeepAlive, kStart);
    }
    first.then = [&] {
        second.reset();
        sut.start(first.deadline, DeadlineKind::KeepAlive, kStart + 5s);
        sut.start(third.deadline, DeadlineKind::Header, kStart + 5s);
    };

    sut.expire(kStart + 5s);

    CHECK(first.expired.size() == 1);
    CHECK(first.deadline.active());
    CHECK(third.expired.empty());
    CHECK(sut.next() == kStart + 10s);
    first.then = {};
    sut.expire(kStart + 100s);
    CHECK(third.expired == std::vector{DeadlineKind::Header});
}

#include "tests/unit/balancer_queue/pool_fixture.h"

#include <catch2/catch.hpp>

#include <algorithm>

namespace fettle::queue::test {

namespace {

// How many of the slots of these requests differ.
std::size_t slots_of(const Tickets& tickets) {
    std::vector<Slot*> slots;
    std::transform(tickets.begin(), tickets.end(), std::back_inserter(slots),
                   [](Ticket* ticket) { return ticket->slot(); });
    std::sort(slots.begin(), slots.end());
    return static_cast<std::size_t>(std::unique(slots.begin(), slots.end()) - slots.begin());
}

Tickets push_and_take(Pool& pool, int requests, Body body = Body::Buffered) {
    for (int index = 0; index < requests; ++index) {
        pool.push(0, body);
    }
    return pool.take_all();
}

}  // namespace

TEST_CASE("very short requests wait for a busy slot instead of waking the idle ones", "[queue][packing]") {
    Pool pool;
    pool.measure(2us);
    for (int index = 0; index < 8; ++index) {
        pool.slot();
    }

    const Tickets taken = push_and_take(pool, 11);  // one runs, ten may wait 20 us

    CHECK(taken.size() == 11);
    CHECK(slots_of(taken) == 1);
    CHECK(pool.sut.figures().idle == 7);
}

TEST_CASE("a further slot is woken when the wait would be longer than that takes", "[queue][packing]") {
    Pool pool;
    pool.measure(2us);
    for (int index = 0; index < 8; ++index) {
        pool.slot();
    }

    CHECK(slots_of(push_and_take(pool, 12)) == 2);
    CHECK(slots_of(push_and_take(pool, 23)) == 3);  // 35 in all: the second is filled up first
}

TEST_CASE("requests that are not very short take an idle slot each", "[queue][packing]") {
    for (const Duration service : {21us, 100us, 2000us}) {
        Pool pool;
        pool.measure(service);
        for (int index = 0; index < 8; ++index) {
            pool.slot();
        }

        CHECK(slots_of(push_and_take(pool, 8)) == 8);
    }
}

TEST_CASE("before anything is measured each request takes an idle slot", "[queue][packing]") {
    Pool pool;
    pool.slot();
    pool.slot();

    CHECK(slots_of(push_and_take(pool, 2)) == 2);
}

TEST_CASE("a streaming body takes an idle slot however short requests are", "[queue][packing]") {
    Pool pool;
    pool.measure(1us);
    for (int index = 0; index < 3; ++index) {
        pool.slot();
    }
    push_and_take(pool, 1);

    CHECK(slots_of(push_and_take(pool, 2, Body::Streaming)) == 2);
    CHECK(pool.sut.figures().idle == 0);
}

TEST_CASE("what was packed behind a slow request goes to an idle slot after the shortest patience",
          "[queue][packing]") {
    Pool pool;
    pool.measure(2us);
    Slot& first = pool.slot();
    pool.slot();
    const Tickets taken = push_and_take(pool, 2);
    REQUIRE(slots_of(taken) == 1);
    Slot* const slow = taken[0]->slot();

    pool.now += 1001us;
    Ticket* overdue = pool.sut.take_overdue(0, pool.now);
    REQUIRE(overdue == taken[1]);
    (void)pool.sut.requeue(*overdue, pool.now);

    REQUIRE(pool.sut.take(0) == overdue);
    CHECK(overdue->slot() != slow);
    CHECK((slow == &first || overdue->slot() == &first));
}

}  // namespace fettle::queue::test

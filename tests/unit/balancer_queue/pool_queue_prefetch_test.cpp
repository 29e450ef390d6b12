#include "tests/unit/balancer_queue/pool_fixture.h"

#include <catch2/catch.hpp>

#include <optional>

namespace fettle::queue::test {

TEST_CASE("prefetch follows the service time", "[queue][prefetch]") {
    CHECK(PoolQueue::prefetch_for(0ns) == 0);  // not measured
    CHECK(PoolQueue::prefetch_for(1ns) == 63);
    CHECK(PoolQueue::prefetch_for(2us) == 63);
    CHECK(PoolQueue::prefetch_for(10us) == 14);
    CHECK(PoolQueue::prefetch_for(11us) == 13);  // ceil(13.6) - 1
    CHECK(PoolQueue::prefetch_for(50us) == 2);
    CHECK(PoolQueue::prefetch_for(75us) == 1);
    CHECK(PoolQueue::prefetch_for(150us) == 1);  // at least 1 below 1 ms
    CHECK(PoolQueue::prefetch_for(999us) == 1);
    CHECK(PoolQueue::prefetch_for(1ms) == 0);
    CHECK(PoolQueue::prefetch_for(10s) == 0);
    CHECK(PoolQueue::patience_for(10us) == 1ms);
    CHECK(PoolQueue::patience_for(700us) == 1400us);
}

TEST_CASE("a slot holds one request and the prefetch, no more", "[queue][prefetch]") {
    Pool pool;
    pool.measure(50us);
    Slot& slot = pool.slot();

    for (int i = 0; i < 5; ++i) {
        pool.push();
    }

    CHECK(pool.sut.figures().prefetch == 2);
    CHECK(pool.take_all().size() == 3);
    CHECK(pool.sut.in_flight(slot) == 3);
    CHECK(pool.sut.figures().waiting == 2);
}

TEST_CASE("nothing is prefetched before a measurement or when requests are long", "[queue][prefetch]") {
    const auto granted_of_three = [](std::optional<Duration> service) {
        Pool pool;
        if (service) {
            pool.measure(*service);
        }
        pool.slot();
        pool.push();
        pool.push();
        pool.push();
        return pool.take_all().size();
    };

    CHECK(granted_of_three(std::nullopt) == 1);
    CHECK(granted_of_three(1ms) == 1);
    CHECK(granted_of_three(2s) == 1);
    CHECK(granted_of_three(900us) == 2);
}

TEST_CASE("an idle slot is used before anything is prefetched, and prefetch is spread evenly", "[queue][prefetch]") {
    Pool pool;
    pool.measure(50us);
    Slot& a = pool.slot();
    Slot& b = pool.slot();

    for (const std::uint32_t each : {1U, 2U, 3U}) {
        pool.push();
        pool.push();
        CHECK(pool.sut.in_flight(a) == each);
        CHECK(pool.sut.in_flight(b) == each);
    }
}

TEST_CASE("a streaming body is never prefetched, and nothing overtakes it or is put behind it", "[queue][prefetch]") {
    Pool pool;
    pool.measure(50us);
    Slot& slot = pool.slot();
    Ticket& running = pool.dispatch();
    Ticket& streaming = pool.push(0, Body::Streaming);
    Ticket& buffered = pool.push();

    CHECK(pool.take_all().empty());
    (void)pool.sut.complete(running, 50us, pool.now += 50us);
    CHECK(pool.take_all() == Tickets{&streaming});
    CHECK(pool.sut.in_flight(slot) == 1);
    (void)pool.sut.complete(streaming, 50us, pool.now += 50us);
    CHECK(pool.take_all() == Tickets{&buffered});
}

TEST_CASE("when the streaming request at the front leaves, those behind it are prefetched", "[queue][prefetch]") {
    Pool pool;
    pool.measure(50us);
    pool.slot();
    pool.dispatch();
    Ticket& streaming = pool.push(0, Body::Streaming);
    Ticket& buffered = pool.push();
    CHECK(pool.take_all().empty());

    CHECK(pool.sut.forget(streaming, pool.now) == 1);

    CHECK(pool.take_all() == Tickets{&buffered});
}

TEST_CASE("a prefetched request that waits too long is offered for recall once and goes to the front",
          "[queue][recall]") {
    Pool pool;
    pool.measure(50us);
    Slot& slot = pool.slot();
    Ticket& stuck = pool.dispatch();
    Ticket& first = pool.dispatch();
    pool.now += 100us;
    Ticket& second = pool.dispatch();
    Ticket& waiting = pool.push();

    CHECK(pool.sut.next_deadline(0) == first.granted_at() + 1ms);
    pool.now = first.granted_at() + 1ms;
    CHECK(pool.sut.take_overdue(0, pool.now) == nullptr);  // not longer than 1 ms
    pool.now += 1ns;
    CHECK(pool.sut.take_overdue(0, pool.now) == &first);
    CHECK(pool.sut.take_overdue(0, pool.now) == nullptr);  // the second came later, the stuck one runs
    CHECK(pool.sut.next_deadline(0) == second.granted_at() + 1ms);

    CHECK(pool.sut.requeue(first, pool.now) == kNobody);  // no prefetch for this slot now
    CHECK(pool.sut.in_flight(slot) == 2);
    pool.now += 100us;
    CHECK(pool.sut.take_overdue(0, pool.now) == &second);  // suppose it is too late to revoke it: it stays

    Slot& other = pool.slot();
    CHECK(pool.take_all() == Tickets{&first, &waiting});  // the recalled one first, then prefetch on the other slot
    CHECK(first.slot() == &other);
    CHECK(stuck.slot() == &slot);
}

TEST_CASE("a slot from which a request was recalled gets no prefetch until it completes one", "[queue][recall]") {
    Pool pool;
    pool.measure(50us);
    Slot& slot = pool.slot();
    Ticket& stuck = pool.dispatch();
    Ticket& recalled = pool.dispatch();
    pool.now += 2ms;
    REQUIRE(pool.sut.take_overdue(0, pool.now) == &recalled);
    (void)pool.sut.requeue(recalled, pool.now);
    Ticket& later = pool.push();
    CHECK(pool.take_all().empty());

    (void)pool.sut.complete(stuck, 50us, pool.now);

    CHECK(pool.take_all() == Tickets{&recalled, &later});
    CHECK(pool.sut.in_flight(slot) == 2);
}

TEST_CASE("a slot that lost its only request to its client still gets no prefetch before it completes one",
          "[queue][recall]") {
    Pool pool;
    pool.measure(50us);
    Slot& slot = pool.slot();
    Ticket& stuck = pool.dispatch();
    Ticket& recalled = pool.dispatch();
    pool.now += 2ms;
    REQUIRE(pool.sut.take_overdue(0, pool.now) == &recalled);
    (void)pool.sut.requeue(recalled, pool.now);

    (void)pool.sut.forget(stuck, pool.now);
    pool.push();

    CHECK(pool.take_all() == Tickets{&recalled});
    CHECK(pool.sut.in_flight(slot) == 1);
}

TEST_CASE("a prefetched request whose turn has come is no longer recalled", "[queue][recall]") {
    Pool pool;
    pool.measure(50us);
    pool.slot();
    Ticket& running = pool.dispatch();
    pool.dispatch();

    (void)pool.sut.complete(running, 50us, pool.now += 100us);

    CHECK(pool.sut.take_overdue(0, pool.now + 10s) == nullptr);
    CHECK(pool.sut.next_deadline(0) == std::nullopt);
}

TEST_CASE("patience grows with the service time", "[queue][recall]") {
    Pool pool;
    pool.measure(900us);
    pool.slot();
    pool.dispatch();
    Ticket& prefetched = pool.dispatch();

    CHECK(pool.sut.take_overdue(0, pool.now + 1800us) == nullptr);
    CHECK(pool.sut.take_overdue(0, pool.now + 1801us) == &prefetched);
}

}  // namespace fettle::queue::test

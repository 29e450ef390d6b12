#include "tests/unit/balancer_queue/pool_fixture.h"

#include <catch2/catch.hpp>

namespace fettle::queue::test {

TEST_CASE("a full queue refuses, and says when to come back", "[queue][limits]") {
    Pool pool(1, {.max_length = 2});
    pool.slot();
    pool.dispatch();  // does not count
    Ticket& waiting = pool.push();
    pool.push();
    Ticket& refused = pool.idle_ticket();

    CHECK_FALSE(pool.sut.push(refused, 0, Body::Buffered, pool.now).accepted);
    CHECK(refused.state() == Ticket::State::Idle);
    (void)pool.sut.forget(waiting, pool.now);
    CHECK(pool.sut.push(refused, 0, Body::Buffered, pool.now).accepted);
}

TEST_CASE("the automatic limit is 4 per slot and at least 1024, and survives the loss of slots", "[queue][limits]") {
    Pool pool;
    CHECK(pool.sut.figures().max_length == 1024);
    std::vector<Slot*> slots;
    for (int i = 0; i < 300; ++i) {
        slots.push_back(&pool.slot());
    }
    CHECK(pool.sut.figures().max_length == 1200);
    for (Slot* slot : slots) {
        pool.remove(*slot);
    }
    CHECK(pool.sut.figures().slots == 0);
    CHECK(pool.sut.figures().max_length == 1200);
}

TEST_CASE("requests of a dead worker return even if the queue is full", "[queue][limits]") {
    Pool pool(1, {.max_length = 1});
    pool.slot();
    Ticket& running = pool.dispatch();
    Ticket& waiting = pool.push();

    pool.remove(*running.slot());
    (void)pool.sut.requeue(running, pool.now);

    CHECK(pool.sut.figures().waiting == 2);
    pool.slot();
    pool.slot();
    CHECK(pool.take_all() == Tickets{&running, &waiting});
}

TEST_CASE("a request that waits too long is given up, oldest first", "[queue][limits]") {
    Pool pool(1, {.timeout = 10s});
    Ticket& first = pool.push();
    pool.now += 1s;
    Ticket& second = pool.push();

    CHECK(pool.sut.next_deadline(0) == first.queued_at() + 10s);
    CHECK(pool.sut.take_expired(0, first.queued_at() + 10s) == nullptr);
    CHECK(pool.sut.take_expired(0, first.queued_at() + 10s + 1ns) == &first);
    CHECK(first.state() == Ticket::State::Idle);
    CHECK(pool.sut.take_expired(0, first.queued_at() + 10s + 1ns) == nullptr);
    CHECK(pool.sut.next_deadline(0) == second.queued_at() + 10s);
    CHECK(pool.sut.take_expired(0, pool.now + 1h) == &second);
    CHECK(pool.sut.next_deadline(0) == std::nullopt);
}

TEST_CASE("a running request does not expire, a returned one keeps its age", "[queue][limits]") {
    Pool pool(1, {.timeout = 10s});
    pool.slot();
    Ticket& ticket = pool.dispatch();
    pool.now += 11s;
    CHECK(pool.sut.take_expired(0, pool.now) == nullptr);

    pool.remove(*ticket.slot());
    (void)pool.sut.requeue(ticket, pool.now);

    CHECK(pool.sut.take_expired(0, pool.now) == &ticket);
}

TEST_CASE("each thread gives up its own requests", "[queue][limits][threads]") {
    Pool pool(2, {.timeout = 10s});
    pool.push(0);
    Ticket& theirs = pool.push(1);

    CHECK(pool.sut.take_expired(1, pool.now + 11s) == &theirs);
    CHECK(pool.sut.take_expired(1, pool.now + 11s) == nullptr);
}

TEST_CASE("Retry-After is the time the queue needs, between 1 and 30 s", "[queue][limits]") {
    const auto retry_after = [](Duration service, int slots, int waiting) {
        Pool pool(1, {.max_length = 1000});
        if (service != Duration{0}) {
            pool.measure(service);
        }
        for (int i = 0; i < slots; ++i) {
            pool.slot();
            pool.dispatch(0, Body::Streaming);  // keeps it busy, without prefetch
        }
        for (int i = 0; i < waiting; ++i) {
            pool.push(0, Body::Streaming);
        }
        return pool.sut.retry_after();
    };

    CHECK(retry_after(Duration{0}, 0, 10) == 1);
    CHECK(retry_after(100ms, 2, 10) == 1);
    CHECK(retry_after(1s, 2, 10) == 5);
    CHECK(retry_after(1s, 3, 10) == 4);  // rounded up
    CHECK(retry_after(1s, 0, 10) == 10);
    CHECK(retry_after(10s, 1, 100) == 30);
}

TEST_CASE("a client that leaves takes its queued request with it", "[queue][leave]") {
    Pool pool;
    pool.slot();
    Ticket& running = pool.dispatch();
    Ticket& gone = pool.push();
    Ticket& next = pool.push();

    CHECK(pool.sut.forget(gone, pool.now) == kNobody);

    CHECK(gone.state() == Ticket::State::Idle);
    (void)pool.sut.complete(running, 1s, pool.now);
    CHECK(pool.take_all() == Tickets{&next});
}

TEST_CASE("a client that leaves between grant and dispatch gives the slot to the next", "[queue][leave]") {
    Pool pool;
    Slot& slot = pool.slot();
    Ticket& gone = pool.push();
    Ticket& next = pool.push();

    CHECK(pool.sut.forget(gone, pool.now) == 1);

    CHECK(pool.take_all() == Tickets{&next});
    CHECK(pool.sut.in_flight(slot) == 1);
}

TEST_CASE("a forgotten request leaves the smoothed service time alone", "[queue][leave]") {
    Pool pool;
    pool.measure(50us);
    pool.slot();
    Ticket& ticket = pool.dispatch();

    (void)pool.sut.forget(ticket, pool.now + 10s);

    CHECK(pool.sut.figures().service == 50us);
    CHECK(pool.sut.figures().idle == 1);
}

TEST_CASE("a draining slot gets nothing more and keeps what it runs", "[queue][drain]") {
    Pool pool;
    Slot& draining = pool.slot();
    Ticket& running = pool.dispatch();
    Ticket& waiting = pool.push();

    CHECK(pool.sut.drain_slot(draining, 0, pool.now) == kNobody);
    CHECK(pool.sut.drain_slot(draining, 0, pool.now) == kNobody);  // harmless
    CHECK(pool.sut.in_flight(draining) == 1);
    CHECK(pool.sut.complete(running, 1s, pool.now) == kNobody);
    CHECK(pool.sut.in_flight(draining) == 0);
    CHECK(pool.take_all().empty());
    CHECK(pool.sut.figures().slots == 0);

    pool.slot();
    CHECK(pool.take_all() == Tickets{&waiting});
}

TEST_CASE("draining takes back grants that were not taken yet", "[queue][drain]") {
    Pool pool;
    pool.measure(50us);
    Slot& draining = pool.slot();
    Ticket& dispatched = pool.dispatch();
    Ticket& untaken = pool.push();
    Ticket& waiting = pool.push(0, Body::Streaming);
    REQUIRE(untaken.state() == Ticket::State::Granted);

    (void)pool.sut.drain_slot(draining, 0, pool.now);

    CHECK(pool.take_all().empty());
    CHECK(untaken.state() == Ticket::State::Waiting);
    CHECK(pool.sut.in_flight(draining) == 1);
    CHECK(dispatched.slot() == &draining);
    pool.slot();
    pool.slot();
    CHECK(pool.take_all() == Tickets{&untaken, &waiting});
}

TEST_CASE("unclaimed requests of a dead worker return to the front in their order, however they are handed back",
          "[queue][dead]") {
    Pool pool;
    pool.measure(40us);  // prefetch 3
    Slot& dead = pool.slot();
    Ticket& claimed = pool.dispatch();
    Ticket& a = pool.dispatch();
    Ticket& b = pool.dispatch();
    Ticket& c = pool.dispatch();
    Ticket& later = pool.push();

    pool.remove(dead);
    CHECK(pool.sut.requeue(b, pool.now) == kNobody);
    CHECK(pool.sut.forget(claimed, pool.now) == kNobody);  // 502
    CHECK(pool.sut.requeue(c, pool.now) == kNobody);
    CHECK(pool.sut.requeue(a, pool.now) == kNobody);

    CHECK(pool.sut.in_flight(dead) == 0);
    pool.slot();
    pool.slot();
    CHECK(pool.take_all() == Tickets{&a, &b, &c, &later});
}

TEST_CASE("a slot can serve again after it was removed", "[queue][dead]") {
    Pool pool;
    Slot& slot = pool.slot();
    Ticket& ticket = pool.dispatch();
    pool.remove(slot);
    (void)pool.sut.requeue(ticket, pool.now);

    CHECK(pool.sut.add_slot(slot, 0, pool.now) == 1);

    CHECK(pool.take_all() == Tickets{&ticket});
    (void)pool.sut.forget(ticket, pool.now);
    (void)pool.sut.remove_slot(slot, 0, pool.now);
}

}  // namespace fettle::queue::test

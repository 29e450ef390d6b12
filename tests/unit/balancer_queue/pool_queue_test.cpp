#include "tests/unit/balancer_queue/pool_fixture.h"

#include <catch2/catch.hpp>

#include <string>

namespace fettle::queue::test {

TEST_CASE("a request goes to an idle slot at once", "[queue]") {
    Pool pool;
    Slot& slot = pool.slot();
    Ticket& ticket = pool.idle_ticket();

    const auto pushed = pool.sut.push(ticket, 0, Body::Buffered, pool.now);

    CHECK(pushed.accepted);
    CHECK(pushed.mail == 1);
    CHECK(pool.sut.take(0) == &ticket);
    CHECK(ticket.slot() == &slot);
    CHECK(ticket.state() == Ticket::State::Dispatched);
    CHECK(pool.sut.in_flight(slot) == 1);
    CHECK(pool.sut.take(0) == nullptr);
}

TEST_CASE("requests wait in order of arrival until a slot is idle", "[queue]") {
    Pool pool;
    pool.slot();
    Ticket& running = pool.dispatch();
    Ticket& second = pool.push();
    Ticket& third = pool.push();
    CHECK(pool.sut.take(0) == nullptr);
    CHECK(pool.sut.figures().waiting == 2);

    const ThreadSet mail = pool.sut.complete(running, 1s, pool.now);

    CHECK(mail == 1);
    CHECK(pool.take_all() == Tickets{&second});
    CHECK(pool.sut.complete(second, 1s, pool.now) == 1);
    CHECK(pool.take_all() == Tickets{&third});
    CHECK(pool.sut.complete(third, 1s, pool.now) == kNobody);
}

TEST_CASE("requests that came before any slot are granted when one serves", "[queue]") {
    Pool pool;
    Ticket& first = pool.push();
    Ticket& second = pool.push();

    pool.slot();
    CHECK(pool.take_all() == Tickets{&first});
    pool.slot();
    CHECK(pool.take_all() == Tickets{&second});
}

TEST_CASE("the slot that became idle last is used first", "[queue]") {
    Pool pool;
    pool.slot();
    pool.slot();
    pool.slot();
    Ticket& a = pool.dispatch();
    Ticket& b = pool.dispatch();
    Ticket& c = pool.dispatch();
    Slot* warm = b.slot();
    Slot* next = a.slot();
    Slot* coldest = c.slot();
    (void)pool.sut.complete(c, 1s, pool.now);
    (void)pool.sut.complete(a, 1s, pool.now);
    (void)pool.sut.complete(b, 1s, pool.now);

    CHECK(pool.dispatch().slot() == warm);
    CHECK(pool.dispatch().slot() == next);
    CHECK(pool.dispatch().slot() == coldest);
}

TEST_CASE("a worker cannot claim a service time much longer than the request was with it", "[queue]") {
    Pool pool;
    pool.measure(100us);
    pool.slot();
    Ticket& ticket = pool.dispatch();
    (void)pool.sut.complete(ticket, 1000h, pool.now += 600us);
    CHECK(pool.sut.figures().service == 193750ns);  // 100 us + (1600 us - 100 us) / 16

    Ticket& negative = pool.dispatch();
    (void)pool.sut.complete(negative, -1h, pool.now += 100us);
    CHECK(pool.sut.figures().service > 150us);
    CHECK(pool.sut.figures().service < 193750ns);
}

TEST_CASE("service times keep their meaning when time comes from a clock that stands still during a loop turn",
          "[queue]") {
    Pool pool;
    pool.slot();

    (void)pool.sut.complete(pool.dispatch(), 300us, pool.now);

    CHECK(pool.sut.figures().service == 300us);
}

TEST_CASE("a grant for another thread's request appears in that thread's mailbox", "[queue][threads]") {
    Pool pool(3);
    pool.slot();
    Ticket& running = pool.dispatch(0);
    Ticket& theirs = pool.push(2);
    pool.now += 5ms;

    const ThreadSet mail = pool.sut.complete(running, 1s, pool.now);

    CHECK(mail == 0b100);
    CHECK(pool.sut.take(0) == nullptr);
    CHECK(pool.sut.take(1) == nullptr);
    CHECK(pool.sut.take(2) == &theirs);
}

TEST_CASE("a slot holds requests of one thread at a time, because they run in order only within a channel",
          "[queue][threads][prefetch]") {
    Pool pool(2);
    pool.measure(10us);
    pool.slot();
    Ticket& running = pool.dispatch(0);

    Ticket& theirs = pool.push(1);
    CHECK(theirs.state() == Ticket::State::Waiting);
    Ticket& behind = pool.push(0);  // while the front is young
    CHECK(behind.state() == Ticket::State::Granted);
    pool.now += 1ms;
    Ticket& late = pool.push(0);
    CHECK(late.state() == Ticket::State::Waiting);

    CHECK(pool.take_all(0) == Tickets{&behind});
    CHECK(pool.sut.complete(running, 10us, pool.now) == kNobody);
    CHECK(pool.sut.complete(behind, 10us, pool.now) == 0b10);
    CHECK(pool.take_all(1) == Tickets{&theirs});
}

TEST_CASE("a request does not wait a negative time if the clock of the thread that grants it is behind",
          "[queue][threads]") {
    Pool pool(2);
    pool.slot();
    Ticket& running = pool.dispatch(0);
    Ticket& theirs = pool.push(1);

    (void)pool.sut.complete(running, 1s, pool.now - 1ms);

    CHECK(pool.take_all(1) == Tickets{&theirs});
    CHECK(theirs.granted_at() == theirs.queued_at());
}

TEST_CASE("a thread takes its own oldest request while the front is younger than 1 ms, then the front",
          "[queue][threads]") {
    const auto granted_after = [](Duration age) {
        Pool pool(2);
        pool.slot();
        Ticket& running = pool.dispatch(0);
        Ticket& front = pool.push(1);
        Ticket& own = pool.push(0);
        Ticket& younger = pool.push(0);
        (void)pool.sut.complete(running, 1s, pool.now += age);
        CHECK(younger.state() == Ticket::State::Waiting);
        CHECK((front.state() == Ticket::State::Granted) != (own.state() == Ticket::State::Granted));
        return front.state() == Ticket::State::Granted ? "front" : "own";
    };

    CHECK(granted_after(0ns) == std::string("own"));
    CHECK(granted_after(1ms - 1ns) == std::string("own"));
    CHECK(granted_after(1ms) == std::string("front"));
}

TEST_CASE("a thread that has nothing of its own hands the slot to the front", "[queue][threads]") {
    Pool pool(2);
    pool.slot();
    Ticket& running = pool.dispatch(0);
    Ticket& front = pool.push(1);

    CHECK(pool.sut.complete(running, 1s, pool.now) == 0b10);
    CHECK(pool.sut.take(1) == &front);
}

TEST_CASE("a mailbox that already has mail is not announced again", "[queue][threads]") {
    Pool pool(2);
    pool.slot();
    pool.slot();
    Ticket& a = pool.dispatch(0);
    Ticket& b = pool.dispatch(0);
    Ticket& first = pool.push(1);
    Ticket& second = pool.push(1);

    CHECK(pool.sut.complete(a, 1s, pool.now) == 0b10);
    CHECK(pool.sut.complete(b, 1s, pool.now) == kNobody);
    CHECK(pool.take_all(1) == Tickets{&first, &second});
}

TEST_CASE("the figures count what there is", "[queue]") {
    Pool pool;
    pool.slot();
    pool.slot();
    pool.dispatch();

    auto figures = pool.sut.figures();
    CHECK(figures.slots == 2);
    CHECK(figures.idle == 1);
    CHECK(figures.in_flight == 1);
    CHECK(figures.waiting == 0);
    CHECK(figures.service == 0ns);

    pool.push();
    pool.push();
    figures = pool.sut.figures();
    CHECK(figures.idle == 0);
    CHECK(figures.in_flight == 2);
    CHECK(figures.waiting == 1);
}

}  // namespace fettle::queue::test

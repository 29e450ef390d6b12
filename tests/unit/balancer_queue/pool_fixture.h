// A PoolQueue with slots and requests for tests; time moves by hand.
#pragma once

#include "balancer/queue/pool_queue.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <list>
#include <vector>

namespace fettle::queue::test {

using namespace std::chrono_literals;

inline constexpr ThreadSet kNobody = 0;

using Tickets = std::vector<Ticket*>;

class Pool {
  public:
    explicit Pool(unsigned threads = 1, PoolQueue::Settings settings = {}) : sut(settings, threads) {}

    ~Pool() {
        for (Ticket& ticket : tickets_) {
            if (ticket.state() != Ticket::State::Idle) {
                (void)sut.forget(ticket, now);
            }
        }
        for (Slot* slot : added_) {
            (void)sut.remove_slot(*slot, 0, now);
        }
    }

    Pool(const Pool&) = delete;
    Pool& operator=(const Pool&) = delete;

    Slot& slot() {
        Slot& slot = slots_.emplace_back();
        (void)sut.add_slot(slot, 0, now);
        added_.push_back(&slot);
        return slot;
    }

    void remove(Slot& slot) {
        (void)sut.remove_slot(slot, 0, now);
        added_.erase(std::find(added_.begin(), added_.end(), &slot));
    }

    Ticket& idle_ticket() { return tickets_.emplace_back(); }

    Ticket& push(unsigned thread = 0, Body body = Body::Buffered) {
        Ticket& ticket = tickets_.emplace_back();
        REQUIRE(sut.push(ticket, thread, body, now).accepted);
        return ticket;
    }

    // Pushes and takes a request that a slot can have at once.
    Ticket& dispatch(unsigned thread = 0, Body body = Body::Buffered) {
        Ticket& ticket = push(thread, body);
        REQUIRE(sut.take(thread) == &ticket);
        return ticket;
    }

    // Runs one request for so long that the smoothed service time is known.
    void measure(Duration service) {
        Slot& slot = slots_.emplace_back();
        (void)sut.add_slot(slot, 0, now);
        Ticket& ticket = dispatch();
        now += service;
        (void)sut.complete(ticket, service, now);
        (void)sut.remove_slot(slot, 0, now);
        REQUIRE(sut.figures().service == service);
    }

    Tickets take_all(unsigned thread = 0) {
        Tickets taken;
        while (Ticket* ticket = sut.take(thread)) {
            taken.push_back(ticket);
        }
        return taken;
    }

    PoolQueue sut;
    TimePoint now{1000s};

  private:
    std::list<Slot> slots_;
    std::list<Ticket> tickets_;
    std::vector<Slot*> added_;
};

}  // namespace fettle::queue::test

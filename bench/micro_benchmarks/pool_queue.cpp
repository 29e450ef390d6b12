// A request's way through the queue: pushed, granted, taken, completed.
#include "balancer/queue/pool_queue.h"

#include "base/assert.h"

#include <benchmark/benchmark.h>

#include <chrono>
#include <list>

namespace fettle::micro {

namespace {

constexpr Duration kService = std::chrono::microseconds(1);

// A pool whose requests are known to take `kService`; time moves by hand.
struct MeasuredPool {
    explicit MeasuredPool(std::uint32_t slot_count) : slots(slot_count) {
        for (queue::Slot& slot : slots) {
            (void)queue.add_slot(slot, 0, now);
        }
        queue::Ticket ticket;
        push(ticket);
        FETTLE_ASSERT(queue.take(0) == &ticket, "an idle slot takes it");
        complete(ticket);
    }

    ~MeasuredPool() {
        for (queue::Slot& slot : slots) {
            (void)queue.remove_slot(slot, 0, now);
        }
    }

    void push(queue::Ticket& ticket) {
        FETTLE_ASSERT(queue.push(ticket, 0, queue::Body::Buffered, now).accepted, "there is room in the queue");
    }

    void complete(queue::Ticket& ticket) { (void)queue.complete(ticket, kService, now += kService); }

    queue::PoolQueue queue{{.max_length = 1000}, 1};
    std::list<queue::Slot> slots;
    TimePoint now{std::chrono::hours(1)};
};

void idle_slot(benchmark::State& state) {
    MeasuredPool pool(4);
    queue::Ticket ticket;
    for (auto _ : state) {
        pool.push(ticket);
        benchmark::DoNotOptimize(pool.queue.take(0));
        pool.complete(ticket);
    }
}

// As many requests are under way as there are connections: each that ends lets another one in.
void steady_load(benchmark::State& state, std::uint32_t slots, std::uint32_t connections) {
    MeasuredPool pool(slots);
    std::list<queue::Ticket> tickets(connections);
    std::list<queue::Ticket*> dispatched;
    const auto take_all = [&] {
        while (queue::Ticket* ticket = pool.queue.take(0)) {
            dispatched.push_back(ticket);
        }
    };
    for (queue::Ticket& ticket : tickets) {
        pool.push(ticket);
    }
    take_all();
    for (auto _ : state) {
        queue::Ticket& oldest = *dispatched.front();
        dispatched.splice(dispatched.end(), dispatched, dispatched.begin());
        pool.complete(oldest);
        pool.push(oldest);
        while (queue::Ticket* ticket = pool.queue.take(0)) {
            dispatched.back() = ticket;
        }
    }
    for (queue::Ticket& ticket : tickets) {
        (void)pool.queue.forget(ticket, pool.now);
    }
}

BENCHMARK(idle_slot)->Name("queue/idle_slot");
BENCHMARK_CAPTURE(steady_load, named, 1, 64)->Name("queue/64_on_1_slot");
BENCHMARK_CAPTURE(steady_load, named, 1, 256)->Name("queue/256_on_1_slot");
BENCHMARK_CAPTURE(steady_load, named, 64, 256)->Name("queue/256_on_64_slots");

}  // namespace

}  // namespace fettle::micro

// A small discrete-event simulation: what clients see with one queue per pool, and with round robin. Pure and seeded.
#include "balancer/queue/pool_queue.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <deque>
#include <list>
#include <map>
#include <queue>
#include <random>
#include <vector>

namespace fettle::queue {

namespace {

using namespace std::chrono_literals;

constexpr unsigned kSlots = 16;
constexpr int kRequests = 40'000;
constexpr double kLoad = 0.9;

struct Arrival {
    TimePoint at{};
    Duration service{};
};

// Poisson arrivals; `draw` gives service times whose mean is `mean`.
template <class Draw>
std::vector<Arrival> arrivals(Duration mean, Draw draw) {
    std::mt19937_64 random(7);
    std::exponential_distribution<double> gap(kLoad * kSlots / static_cast<double>(mean.count()));
    std::vector<Arrival> all;
    double at = 0;
    for (int i = 0; i < kRequests; ++i) {
        at += gap(random);
        all.push_back({TimePoint(Duration(static_cast<Duration::rep>(at))),
                       Duration(static_cast<Duration::rep>(draw(random)))});
    }
    return all;
}

// Squared coefficient of variation about 7, as real applications have.
std::vector<Arrival> heavy_tail(Duration mean) {
    const double sigma = std::sqrt(std::log(8.0));
    std::lognormal_distribution<double> service(std::log(static_cast<double>(mean.count())) - sigma * sigma / 2, sigma);
    return arrivals(mean, [service](auto& random) mutable { return service(random); });
}

double p99(std::vector<Duration> sojourns, Duration mean) {
    const auto at = sojourns.begin() + static_cast<std::ptrdiff_t>(sojourns.size() * 99 / 100);
    std::nth_element(sojourns.begin(), at, sojourns.end());
    return static_cast<double>(at->count()) / static_cast<double>(mean.count());
}

std::vector<Duration> round_robin(const std::vector<Arrival>& all) {
    std::vector<TimePoint> free_at(kSlots);
    std::vector<Duration> sojourns;
    for (std::size_t i = 0; i < all.size(); ++i) {
        TimePoint& slot = free_at[i % kSlots];
        slot = std::max(slot, all[i].at) + all[i].service;
        sojourns.push_back(slot - all[i].at);
    }
    return sojourns;
}

struct SimulatedRequest : Ticket {
    Arrival arrival;
};

struct SimulatedSlot : Slot {
    std::deque<SimulatedRequest*> ring;  // the first one runs
};

// The pool under a PoolQueue. A slot runs its ring in order; recalled requests leave it unless they run.
class Simulation {
  public:
    Simulation() : sut_({.max_length = kRequests, .timeout = 1000h}, 1) {
        for (unsigned i = 0; i < kSlots; ++i) {
            (void)sut_.add_slot(slots_.emplace_back(), 0, TimePoint{});
        }
    }

    ~Simulation() {
        for (Slot& slot : slots_) {
            (void)sut_.remove_slot(slot, 0, TimePoint{});
        }
    }

    Simulation(const Simulation&) = delete;
    Simulation& operator=(const Simulation&) = delete;

    std::vector<Duration> run(const std::vector<Arrival>& all) {
        auto next = all.begin();
        while (next != all.end() || !ends_.empty()) {
            const TimePoint never = TimePoint::max();
            const TimePoint arrival = next != all.end() ? next->at : never;
            const TimePoint end = ends_.empty() ? never : ends_.top().first;
            const TimePoint recall = sut_.next_deadline(0).value_or(never) + (sut_.next_deadline(0) ? 1ns : 0ns);
            const TimePoint now = std::min({arrival, end, recall});
            if (now == arrival) {
                SimulatedRequest& request = requests_.emplace_back();
                request.arrival = *next++;
                REQUIRE(sut_.push(request, 0, Body::Buffered, now).accepted);
            } else if (now == end) {
                finish(now);
            } else {
                recall_overdue(now);
            }
            dispatch(now);
        }
        return sojourns_;
    }

    int recalled = 0;

  private:
    using End = std::pair<TimePoint, SimulatedSlot*>;

    void dispatch(TimePoint now) {
        while (Ticket* ticket = sut_.take(0)) {
            auto& slot = static_cast<SimulatedSlot&>(*ticket->slot());
            slot.ring.push_back(static_cast<SimulatedRequest*>(ticket));
            if (slot.ring.size() == 1) {
                start(slot, now);
            }
        }
    }

    void start(SimulatedSlot& slot, TimePoint now) { ends_.emplace(now + slot.ring.front()->arrival.service, &slot); }

    void finish(TimePoint now) {
        SimulatedSlot& slot = *ends_.top().second;
        ends_.pop();
        SimulatedRequest& request = *slot.ring.front();
        slot.ring.pop_front();
        sojourns_.push_back(now - request.arrival.at);
        (void)sut_.complete(request, request.arrival.service, now);
        if (!slot.ring.empty()) {
            start(slot, now);
        }
    }

    void recall_overdue(TimePoint now) {
        while (Ticket* ticket = sut_.take_overdue(0, now)) {
            auto& ring = static_cast<SimulatedSlot&>(*ticket->slot()).ring;
            const auto position = std::find(ring.begin(), ring.end(), ticket);
            if (position != ring.begin()) {
                ring.erase(position);
                (void)sut_.requeue(*ticket, now);
                ++recalled;
            }
        }
    }

    PoolQueue sut_;
    std::list<SimulatedSlot> slots_;
    std::list<SimulatedRequest> requests_;
    std::priority_queue<End, std::vector<End>, std::greater<>> ends_;
    std::vector<Duration> sojourns_;
};

}  // namespace

TEST_CASE("one queue for the pool keeps the slowest percent far below round robin", "[queue][simulation]") {
    constexpr Duration mean = 20ms;
    const auto all = heavy_tail(mean);

    const double central = p99(Simulation().run(all), mean);
    const double by_turns = p99(round_robin(all), mean);

    INFO("p99 in mean service times: one queue " << central << ", round robin " << by_turns);
    CHECK(central < 30);
    CHECK(by_turns > 5 * central);
}

TEST_CASE("requests prefetched behind a rare long one are recalled and hardly pay for it", "[queue][simulation]") {
    constexpr Duration mean = 100us;
    // One in a hundred takes 50 times as long as the others.
    const auto all = arrivals(mean, [](auto& random) {
        const double unit = 100'000.0 / (0.99 + 0.01 * 50);
        return std::bernoulli_distribution(0.01)(random) ? 50 * unit : unit;
    });
    Simulation simulation;

    const double with_recall = p99(simulation.run(all), mean);

    INFO("p99 in mean service times: " << with_recall << ", recalled " << simulation.recalled);
    CHECK(simulation.recalled > 0);
    CHECK(with_recall < p99(round_robin(all), mean) / 3);
}

}  // namespace fettle::queue

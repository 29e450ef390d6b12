// Random operations against a PoolQueue, with its promises checked after each of them from the outside.
#include "balancer/queue/pool_queue.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <vector>

namespace fettle::queue {

namespace {

using namespace std::chrono_literals;
using State = Ticket::State;

struct Request {
    explicit Request(std::uint64_t number, unsigned owner, Body kind) : arrival(number), thread(owner), body(kind) {}

    Ticket ticket;
    std::uint64_t arrival;
    unsigned thread;
    Body body;
    State state = State::Idle;  // as last seen
    Slot* slot = nullptr;       // while it is dispatched
};

struct Lane {
    Slot slot;
    bool serving = false;
    bool removed = false;
    bool stuck = false;  // a request was recalled and none completed since
};

class Model {
  public:
    Model(unsigned threads, unsigned seed)
        : threads_(threads), random_(seed), sut_({.max_length = 40, .timeout = 50ms}, threads) {}

    void run(int steps) {
        for (int step = 0; step < steps; ++step) {
            now_ += std::chrono::microseconds(below(200));
            one_step();
            check();
        }
        finish();
    }

    std::uint64_t ended = 0;
    std::uint64_t accepted = 0;
    std::uint64_t refused = 0;
    std::uint64_t recalled = 0;
    std::uint64_t expired = 0;
    std::uint64_t prefetched = 0;
    std::uint64_t passed_over = 0;

  private:
    std::uint64_t below(std::uint64_t limit) {
        return std::uniform_int_distribution<std::uint64_t>(0, limit - 1)(random_);
    }

    unsigned any_thread() { return static_cast<unsigned>(below(threads_)); }

    template <class Predicate>
    Request* any_request(Predicate&& predicate) {
        std::vector<Request*> matching;
        for (const auto& request : requests_) {
            if (predicate(*request)) {
                matching.push_back(request.get());
            }
        }
        return matching.empty() ? nullptr : matching[below(matching.size())];
    }

    Lane* any_lane(bool serving) {
        std::vector<Lane*> matching;
        for (const auto& lane : lanes_) {
            if (!lane->removed && lane->serving == serving) {
                matching.push_back(lane.get());
            }
        }
        return matching.empty() ? nullptr : matching[below(matching.size())];
    }

    void one_step() {
        const auto dice = below(100);
        if (dice < 35) {
            push();
        } else if (dice < 55) {
            take();
        } else if (dice < 80) {
            complete();
        } else if (dice < 88) {
            leave();
        } else if (dice < 93) {
            sweep();
        } else if (dice < 96) {
            if (lanes_.size() < 12) {
                add_lane();
            }
        } else if (dice < 98) {
            drain();
        } else {
            remove();
        }
    }

    void push() {
        const unsigned thread = any_thread();
        auto request =
                std::make_unique<Request>(next_arrival_++, thread, below(8) == 0 ? Body::Streaming : Body::Buffered);
        const std::uint32_t waiting = sut_.figures().waiting;
        const auto pushed = sut_.push(request->ticket, thread, request->body, now_);
        REQUIRE(pushed.accepted == (waiting < 40));
        if (!pushed.accepted) {
            ++refused;
            return;
        }
        ++accepted;
        request->state = State::Waiting;
        requests_.push_back(std::move(request));
        note_grants(thread, pushed.mail);
    }

    // A thread looks into its mailbox only when it was told to.
    void take() {
        const unsigned thread = any_thread();
        if ((told_ & ThreadSet{1} << thread) == 0) {
            return;
        }
        told_ &= ~(ThreadSet{1} << thread);
        while (Ticket* ticket = sut_.take(thread)) {
            Request& request = of(*ticket);
            REQUIRE(request.thread == thread);
            REQUIRE(request.state == State::Granted);
            REQUIRE(ticket->slot() == request.slot);
            request.state = State::Dispatched;
        }
    }

    void complete() {
        if (Request* request = any_request([](const Request& each) { return each.state == State::Dispatched; })) {
            lane_of(*request).stuck = false;
            set_idle(*request);
            const Duration service = below(20) == 0 ? Duration(3ms) : Duration(std::chrono::microseconds(below(60)));
            note_grants(request->thread, sut_.complete(request->ticket, service, now_));
            end(*request);
        }
    }

    // The client leaves; a dispatched request is assumed to have been revoked.
    void leave() {
        if (Request* request = any_request([](const Request&) { return true; })) {
            set_idle(*request);
            note_grants(request->thread, sut_.forget(request->ticket, now_));
            end(*request);
        }
    }

    void sweep() {
        const unsigned thread = any_thread();
        const auto deadline = sut_.next_deadline(thread);
        bool found = false;
        while (Ticket* ticket = sut_.take_expired(thread, now_)) {
            found = true;
            Request& request = of(*ticket);
            REQUIRE(request.state == State::Waiting);
            REQUIRE(request.thread == thread);
            REQUIRE(now_ - ticket->queued_at() > 50ms);
            for (const auto& other : requests_) {  // oldest first
                REQUIRE((other->thread != thread || other->state != State::Waiting ||
                         other->arrival >= request.arrival));
            }
            set_idle(request);
            ++expired;
            end(request);
        }
        while (Ticket* ticket = sut_.take_overdue(thread, now_)) {
            found = true;
            Request& request = of(*ticket);
            REQUIRE(request.state == State::Dispatched);
            REQUIRE(request.thread == thread);
            REQUIRE(now_ - ticket->granted_at() > 1ms);
            REQUIRE(std::count_if(requests_.begin(), requests_.end(),
                                  [&](const auto& other) { return other->slot == request.slot; }) > 1);
            Lane& lane = lane_of(request);
            lane.stuck = true;
            if (below(3) != 0) {  // else: too late to revoke it
                ++recalled;
                take_back(request);
            }
        }
        if (found) {
            REQUIRE((deadline && *deadline < now_));
        }
    }

    static void set_idle(Request& request) {
        request.state = State::Idle;
        request.slot = nullptr;
    }

    void take_back(Request& request) {
        request.state = State::Waiting;
        request.slot = nullptr;
        note_grants(request.thread, sut_.requeue(request.ticket, now_));
    }

    void add_lane() {
        lanes_.push_back(std::make_unique<Lane>());
        lanes_.back()->serving = true;
        const unsigned thread = any_thread();
        note_grants(thread, sut_.add_slot(lanes_.back()->slot, thread, now_));
    }

    void drain() {
        if (Lane* lane = any_lane(true)) {
            lane->serving = false;
            const unsigned thread = any_thread();
            const ThreadSet mail = sut_.drain_slot(lane->slot, thread, now_);
            see_untaken_return(*lane);
            note_grants(thread, mail);
        }
    }

    // The worker dies: of what it was given, some was claimed and some was not.
    void remove() {
        Lane* lane = any_lane(below(2) == 0);
        if (lane == nullptr) {
            return;
        }
        lane->serving = false;
        lane->removed = true;
        const unsigned thread = any_thread();
        const ThreadSet mail = sut_.remove_slot(lane->slot, thread, now_);
        see_untaken_return(*lane);
        note_grants(thread, mail);
        std::vector<Request*> left;
        for (const auto& request : requests_) {
            if (request->slot == &lane->slot) {
                left.push_back(request.get());
            }
        }
        std::shuffle(left.begin(), left.end(), random_);
        for (Request* request : left) {
            if (below(2) == 0) {
                take_back(*request);
            } else {
                set_idle(*request);
                note_grants(request->thread, sut_.forget(request->ticket, now_));
                end(*request);
            }
        }
        REQUIRE(sut_.in_flight(lane->slot) == 0);
        lanes_.erase(std::find_if(lanes_.begin(), lanes_.end(), [&](const auto& each) { return each.get() == lane; }));
    }

    // Requests that were granted to the lane but not taken are waiting again (or were granted elsewhere).
    void see_untaken_return(const Lane& lane) {
        for (const auto& request : requests_) {
            if (request->slot == &lane.slot && request->state == State::Granted) {
                request->state = State::Waiting;
                request->slot = nullptr;
            }
        }
    }

    // Finds what the last call granted, on behalf of `asking`, and judges it.
    void note_grants(unsigned asking, ThreadSet mail) {
        told_ |= mail;
        std::vector<Request*> granted;
        for (const auto& request : requests_) {
            if (request->state == State::Waiting && request->ticket.state() == State::Granted) {
                granted.push_back(request.get());
            }
        }
        for (Request* request : granted) {
            request->state = State::Granted;
            request->slot = request->ticket.slot();
        }
        for (const Request* request : granted) {
            judge_grant(*request, asking);
        }
    }

    void judge_grant(const Request& request, unsigned asking) {
        const Lane& lane = lane_of(request);
        REQUIRE(lane.serving);
        std::uint32_t on_slot = 0;
        std::uint32_t streaming = 0;
        for (const auto& other : requests_) {
            if (other->slot == request.slot) {
                REQUIRE(other->thread == request.thread);
                ++on_slot;
                streaming += other->body == Body::Streaming ? 1 : 0;
            }
            // Nothing older waits, unless it is young and another thread's.
            if (other->state == State::Waiting && other->arrival < request.arrival) {
                REQUIRE(now_ - other->ticket.queued_at() < 1ms);
                REQUIRE(request.thread == asking);
                REQUIRE(other->thread != asking);
                ++passed_over;
            }
        }
        REQUIRE(on_slot <= 1 + sut_.figures().prefetch);
        REQUIRE((on_slot == 1 || streaming == 0));
        REQUIRE((on_slot == 1 || !lane.stuck));
        prefetched += on_slot > 1 ? 1 : 0;
    }

    void check() {
        std::uint32_t waiting = 0;
        std::uint32_t in_flight = 0;
        std::map<const Slot*, std::uint32_t> on_slot;
        for (const auto& request : requests_) {
            REQUIRE(request->ticket.state() == request->state);
            waiting += request->state == State::Waiting ? 1 : 0;
            if (request->slot != nullptr) {
                ++in_flight;
                ++on_slot[request->slot];
            }
            if (request->state == State::Granted) {
                REQUIRE((told_ & ThreadSet{1} << request->thread) != 0);  // nobody sleeps over his mail
            }
        }
        const auto figures = sut_.figures();
        REQUIRE(figures.waiting == waiting);
        REQUIRE(figures.in_flight == in_flight);
        std::uint32_t serving = 0;
        for (const auto& lane : lanes_) {
            REQUIRE(sut_.in_flight(lane->slot) == on_slot[&lane->slot]);
            serving += lane->serving ? 1 : 0;
        }
        REQUIRE(figures.slots == serving);
        REQUIRE((figures.waiting == 0 || figures.idle == 0));
    }

    void finish() {
        if (any_lane(true) == nullptr) {
            add_lane();
        }
        while (!requests_.empty()) {
            now_ += 10us;
            take();
            complete();
            check();
        }
        REQUIRE(ended == accepted);
        REQUIRE(sut_.figures().in_flight == 0);
        for (const auto& lane : lanes_) {
            REQUIRE(sut_.remove_slot(lane->slot, 0, now_) == 0);
        }
    }

    Request& of(const Ticket& ticket) {
        const auto found = std::find_if(requests_.begin(), requests_.end(),
                                        [&](const auto& each) { return &each->ticket == &ticket; });
        REQUIRE(found != requests_.end());  // not lost before, not granted twice
        return **found;
    }

    Lane& lane_of(const Request& request) {
        const auto found = std::find_if(lanes_.begin(), lanes_.end(),
                                        [&](const auto& each) { return &each->slot == request.slot; });
        REQUIRE(found != lanes_.end());
        return **found;
    }

    void end(const Request& request) {
        REQUIRE(request.ticket.state() == State::Idle);
        ++ended;
        requests_.erase(std::find_if(requests_.begin(), requests_.end(),
                                     [&](const auto& each) { return each.get() == &request; }));
    }

    unsigned threads_;
    std::mt19937 random_;
    TimePoint now_{1000s};
    PoolQueue sut_;
    std::vector<std::unique_ptr<Lane>> lanes_;
    std::vector<std::unique_ptr<Request>> requests_;
    std::uint64_t next_arrival_ = 0;
    ThreadSet told_ = 0;
};

}  // namespace

TEST_CASE("whatever happens, every request ends once, in order, and only where it may", "[queue][model]") {
    std::uint64_t recalled = 0;
    std::uint64_t expired = 0;
    std::uint64_t refused = 0;
    std::uint64_t prefetched = 0;
    std::uint64_t passed_over = 0;
    for (const unsigned threads : {1U, 2U, 5U}) {
        for (unsigned seed = 1; seed <= 8; ++seed) {
            INFO("threads " << threads << ", seed " << seed);
            Model model(threads, seed);

            model.run(1500);

            CHECK((threads > 1 || model.passed_over == 0));
            recalled += model.recalled;
            expired += model.expired;
            refused += model.refused;
            prefetched += model.prefetched;
            passed_over += model.passed_over;
        }
    }
    // The walk came by every corner.
    CHECK(recalled > 50);
    CHECK(expired > 20);
    CHECK(refused > 20);
    CHECK(prefetched > 500);
    CHECK(passed_over > 20);
}

}  // namespace fettle::queue

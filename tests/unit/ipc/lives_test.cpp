// Both sides of the real channel code at once, through revocations, sleep and the deaths of workers. Run under TSan it
// shows that nothing is shared but what the layout says. (A thread that "dies" returns between two operations; that a
// process may die inside of one is the business of tests/crash.)
#include "channel_fixture.h"
#include "tests/support/random.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <deque>
#include <iterator>
#include <map>
#include <memory>
#include <string>
#include <thread>

using namespace fettle;
using namespace fettle::ipc;
using namespace fettle::test;

namespace {

constexpr std::uint32_t kRequests = 20'000;
constexpr std::size_t kInFlight = 8;

using Runs = std::array<std::atomic<int>, kRequests>;

// One incarnation of a worker on a thread of its own.
class Life {
  public:
    Life(std::uint32_t seed, Runs& runs) : runs_(runs), random_(seed), thread_([this] { live(); }) {}

    ~Life() {
        stopping_ = true;
        ends.worker->lane(0).wake();
        join();
    }

    void join() {
        if (thread_.joinable()) {
            thread_.join();
        }
    }

    // Readable once it is dead, as a pidfd is.
    [[nodiscard]] int death() const { return death_.get(); }

    BothEnds ends{{.threads = 1, .lanes = 1}};

  private:
    [[nodiscard]] bool dies() { return random_() % 400 == 0; }

    void live() {
        serve();
        const std::uint64_t one = 1;
        (void)!::write(death_.get(), &one, sizeof(one));
    }

    void serve() {
        WorkerLane& lane = ends.worker->lane(0);
        while (!stopping_) {
            const auto request = ends.back().peek();
            if (request) {
                std::uint32_t number = 0;
                std::memcpy(&number, request->payload.data(), sizeof(number));
                const RequestKey key = request->key;
                ends.back().pop();
                if (dies() || !handle(key, number)) {
                    return;
                }
                continue;
            }
            lane.about_to_sleep(LaneSleep::Idle);
            if (lane.has_message() || stopping_) {
                lane.awake();
            } else {
                (void)lane.block();
            }
        }
    }

    // False: dead.
    [[nodiscard]] bool handle(RequestKey key, std::uint32_t number) {
        WorkerLane& lane = ends.worker->lane(0);
        if (!ends.back().claim(key)) {
            lane.notify(0);
            return true;
        }
        ++runs_[number];
        if (dies()) {
            return false;
        }
        publish(key, ResponseKind::Head, false);
        if (dies()) {
            return false;
        }
        publish(key, ResponseKind::End, true);
        return !dies();
    }

    void publish(RequestKey key, ResponseKind kind, bool last) {
        (void)ends.back().writable();  // there is always room for so few
        ends.back().publish(key, kind, 0, last, 0);
        ends.worker->lane(0).notify(0);
    }

    Runs& runs_;
    Random random_;
    std::atomic<bool> stopping_{false};
    Fd death_{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
    std::thread thread_;
};

// A balancer thread with one lane after the other.
class Front {
  public:
    void run() {
        for (std::uint32_t number = 0; number < kRequests; ++number) {
            waiting_.push_back(number);
        }
        while (ended_ < kRequests) {
            if (!life_) {
                life_ = std::make_unique<Life>(++lives_, runs_);
            }
            dispatch();
            revoke_now_and_then();
            harvest();
            const bool idle = waiting_.empty() || in_flight_.size() == kInFlight;
            if (ended_ < kRequests && idle && sleep()) {
                bury();
            }
        }
        life_.reset();
    }

    Runs runs_{};
    std::uint32_t lives_ = 0;
    std::uint32_t revoked_ = 0;
    std::uint32_t lost_ = 0;
    std::uint32_t ended_ = 0;
    std::string wrong_;

  private:
    BalancerChannel& channel() { return life_->ends.front(); }

    void dispatch() {
        while (!waiting_.empty() && in_flight_.size() < kInFlight &&
               channel().can_push_request(sizeof(std::uint32_t))) {
            const std::uint32_t number = waiting_.front();
            waiting_.pop_front();
            std::memcpy(channel().reserve(sizeof(number)).data(), &number, sizeof(number));
            const RequestKey key = channel().push_request(sizeof(number), true, 0);
            in_flight_[key.sequence] = {key, number};
            life_->ends.balancer->ring_if_asleep(0);
        }
    }

    void revoke_now_and_then() {
        if (in_flight_.empty() || random_() % 4 != 0) {
            return;
        }
        const auto last = std::prev(in_flight_.end());
        if (channel().cancel(last->second.key) == BalancerChannel::Cancel::Revoked) {
            waiting_.push_front(last->second.number);
            in_flight_.erase(last);
            ++revoked_;
        } else {
            recalled_[last->first] = true;
        }
    }

    void harvest() {
        ResponseMessage message;
        BalancerChannel::Peek peek;
        while ((peek = channel().peek(message)) == BalancerChannel::Peek::Message) {
            const auto known = in_flight_.find(message.key.sequence);
            if (message.kind == ResponseKind::Dropped) {
                if (known != in_flight_.end()) {
                    if (!recalled_[known->first]) {
                        wrong_ = "dropped though nobody asked";
                    }
                    waiting_.push_front(known->second.number);
                    in_flight_.erase(known);
                }
            } else if (known == in_flight_.end()) {
                wrong_ = "a revoked request answers";
            } else if (message.last) {
                in_flight_.erase(known);
                ++ended_;
            }
            channel().pop();
        }
        if (peek == BalancerChannel::Peek::Violation) {
            wrong_ = "a violation";
        }
    }

    // True if the worker is dead.
    bool sleep() {
        ChannelSet& set = *life_->ends.balancer;
        set.set_asleep(0, true);
        ResponseMessage message;
        const bool news = channel().peek(message) != BalancerChannel::Peek::Empty;
        std::array<pollfd, 2> entries{pollfd{.fd = set.thread_bell(0), .events = POLLIN, .revents = 0},
                                      pollfd{.fd = life_->death(), .events = POLLIN, .revents = 0}};
        if (::poll(entries.data(), entries.size(), news ? 0 : 20'000) == 0 && !news) {
            wrong_ = "asleep for ever";
            ended_ = kRequests;
        }
        set.drain_thread_bell(0);
        set.set_asleep(0, false);
        return entries[1].revents != 0;
    }

    void bury() {
        life_->join();
        harvest();
        for (const auto& [sequence, request] : in_flight_) {
            const RequestState state = channel().state(request.key);
            if (state == RequestState::Queued || (state == RequestState::Dropped && recalled_[sequence])) {
                waiting_.push_front(request.number);
            } else {
                ++lost_;
                ++ended_;
                if (runs_[request.number] != 1) {
                    wrong_ = "given up although it did not run";
                }
            }
        }
        in_flight_.clear();
        recalled_.clear();
        life_.reset();
    }

    struct InFlight {
        RequestKey key;
        std::uint32_t number;
    };

    Random random_{7};
    std::unique_ptr<Life> life_;
    std::deque<std::uint32_t> waiting_;
    std::map<std::uint32_t, InFlight> in_flight_;  // by sequence
    std::map<std::uint32_t, bool> recalled_;
};

}  // namespace

TEST_CASE("channel: through deaths, revocations and sleep every request ends once and none runs twice",
          "[ipc][stress]") {
    Front sut;

    sut.run();

    CHECK(sut.wrong_.empty());
    int twice = 0;
    int never = 0;
    for (const auto& runs : sut.runs_) {
        twice += runs > 1 ? 1 : 0;
        never += runs == 0 ? 1 : 0;
    }
    CHECK(twice == 0);
    CHECK(never == 0);
    CHECK(sut.lives_ > 10);
    CHECK(sut.lost_ > 0);
    CHECK(sut.revoked_ > 0);
}

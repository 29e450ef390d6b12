// Several real threads on one PoolQueue: nothing is lost and no thread waits for ever. Run under TSan it shows that the
// mutex covers all that is shared.
#include "balancer/queue/pool_queue.h"

#include <catch2/catch.hpp>

#include <array>
#include <atomic>
#include <list>
#include <mutex>
#include <thread>
#include <vector>

namespace fettle::queue {

namespace {

using namespace std::chrono_literals;

constexpr unsigned kThreads = 4;
constexpr int kPerThread = 5000;

// A balancer thread that keeps up to 8 requests in the queue and completes what it is granted.
class BalancerThread {
  public:
    BalancerThread(PoolQueue& queue, unsigned number, std::array<std::atomic<bool>, kThreads>& told)
        : queue_(queue), number_(number), told_(told) {}

    void run() {
        while (ended_ < kPerThread) {
            now_ += 10us;
            while (in_queue() < 8 && next_ < kPerThread) {
                const auto pushed =
                        queue_.push(tickets_[static_cast<std::size_t>(next_)], number_, Body::Buffered, now_);
                if (!pushed.accepted) {
                    break;
                }
                ++next_;
                tell(pushed.mail);
            }
            if (!told_[number_].exchange(false)) {
                std::this_thread::yield();
                continue;
            }
            serve();
        }
    }

    [[nodiscard]] int ended() const { return ended_; }

  private:
    [[nodiscard]] int in_queue() const { return next_ - ended_; }

    void serve() {
        while (Ticket* ticket = queue_.take(number_)) {
            now_ += 5us;
            if (ended_ % 7 == 0 && !returned_) {  // now and then a worker dies with a request unclaimed
                returned_ = true;
                tell(queue_.requeue(*ticket, now_));
                continue;
            }
            returned_ = false;
            tell(queue_.complete(*ticket, 5us, now_));
            ++ended_;
        }
    }

    void tell(ThreadSet mail) {
        for (unsigned thread = 0; thread < kThreads; ++thread) {
            if ((mail >> thread & 1) != 0) {
                told_[thread].store(true);
            }
        }
    }

    PoolQueue& queue_;
    unsigned number_;
    std::array<std::atomic<bool>, kThreads>& told_;
    std::vector<Ticket> tickets_{kPerThread};
    TimePoint now_{1000s};
    int next_ = 0;
    int ended_ = 0;
    bool returned_ = false;
};

}  // namespace

TEST_CASE("balancer threads share one queue without losing a request or a wake-up", "[queue][threads]") {
    PoolQueue queue({.max_length = 1000, .timeout = 1h}, kThreads);
    std::list<Slot> slots(3);
    for (Slot& slot : slots) {
        (void)queue.add_slot(slot, 0, TimePoint(1000s));
    }
    std::array<std::atomic<bool>, kThreads> told{};
    std::list<BalancerThread> balancers;
    for (unsigned number = 0; number < kThreads; ++number) {
        balancers.emplace_back(queue, number, told);
    }

    {
        std::vector<std::jthread> threads;
        for (BalancerThread& balancer : balancers) {
            threads.emplace_back([&balancer] { balancer.run(); });
        }
    }

    for (const BalancerThread& balancer : balancers) {
        CHECK(balancer.ended() == kPerThread);
    }
    CHECK(queue.figures().waiting == 0);
    CHECK(queue.figures().in_flight == 0);
    CHECK(queue.figures().idle == 3);
    for (Slot& slot : slots) {
        (void)queue.remove_slot(slot, 0, TimePoint(1001s));
    }
}

TEST_CASE("the queue's mutex keeps threads apart, and one thread alone is never kept waiting", "[queue]") {
    ThreadsMutex alone(1);
    alone.lock();
    alone.lock();
    alone.unlock();

    ThreadsMutex shared(2);
    int count = 0;
    const auto add = [&] {
        for (int round = 0; round < kPerThread; ++round) {
            const std::lock_guard lock(shared);
            ++count;
        }
    };
    std::thread other(add);
    add();
    other.join();
    CHECK(count == 2 * kPerThread);
}

}  // namespace fettle::queue

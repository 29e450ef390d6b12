// PoolQueue: which request goes to which slot, and when. One per pool, shared by all balancer threads.
//
// One FIFO for the whole pool. A request is bound to a slot when one is idle, not on arrival (p99 at 16 slots and load
// 0.9 with a heavy tail: round robin 402 mean service times, least connections 24, one queue 15). Idle slots are taken
// last in, first out: warm caches.
//
// Prefetch. Very short requests would pay for a round trip through the balancer between any two, so a slot may hold
// some requests in advance: with s the smoothed service time, clamp(ceil(150 us / s) - 1, 0, 63), at least 1 while s <
// 1 ms, none from 1 ms on and none before the first measurement. Only fully buffered requests are prefetched, and none
// behind one whose body still streams. One that waits behind another for more than max(1 ms, 2 s) is to be recalled
// (take_overdue), and its slot gets no prefetch until it completes a request. A slot holds requests of one thread at a
// time: they go through one ring and run in the order of their grants, so which of them waits behind which is known.
//
// Packing. To wake a slot that sleeps costs more than a very short request. As long as waiting for a busy slot takes no
// longer than kWakeUp by the smoothed service time, a buffered request goes there, within the limits of prefetch, and
// the idle ones sleep on. The busiest such slot is taken, so that few are awake.
//
// Order. The FIFO is ordered by arrival, always: a request that comes back (recalled, or its worker died unclaimed)
// takes the place its arrival gives it, which is the front. Nothing overtakes the front, with one exception: while the
// front is younger than 1 ms, a thread that asks for work takes its own oldest request instead and so wakes no other
// thread. So where slots are few and several threads are busy, a request may wait for a millisecond and until a slot
// has run empty: that is the price of a slot that holds requests of one thread at a time.
//
// Grants. A grant appears in the mailbox of the thread that owns the request (only it may write the channel): the
// thread fetches it with take(). Every call that can make grants returns the set of threads whose mailbox became
// non-empty; the caller wakes those of them that sleep, and takes its own.
//
// Life of a ticket:
//     Idle       -push->                     Waiting
//     Waiting    -(a slot is free)->         Granted
//     Granted    -take->                     Dispatched
//     Dispatched -complete->                 Idle
//     Waiting    -take_expired->             Idle
//     Granted    -drain_slot, remove_slot->  Waiting
//     Dispatched -requeue->                  Waiting
//     any but Idle -forget->                 Idle
//
// Threads: with `threads` = 1 all calls are of one thread. Else every function may be called from any balancer thread,
// but a ticket is handed in only by the thread it was pushed by. One mutex; no system call (unless it is contended), no
// allocation, no logging inside: tickets and slots are links in their owners' objects. Time is passed in, from one
// monotonic clock. A thread may be a little behind another: times are never assumed to be ordered.
#pragma once

#include "balancer/queue/intrusive_list.h"
#include "base/clock.h"

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <vector>

namespace fettle::queue {

inline constexpr unsigned kMaxThreads = 64;
inline constexpr std::uint32_t kMaxPrefetch = 63;

using ThreadSet = std::uint64_t;  // bit i: thread i

enum class Body : std::uint8_t {
    Buffered,   // the whole body travels with the request, or can be read at once
    Streaming,  // the body is still arriving from the client
};

class PoolQueue;
class Slot;

// A request in the queue. Embed it in (or derive from it) the object that stands for the request; it must stay where it
// is until its state is Idle again.
class Ticket {
  public:
    enum class State : std::uint8_t { Idle, Waiting, Granted, Dispatched };

    Ticket() = default;
    Ticket(const Ticket&) = delete;
    Ticket& operator=(const Ticket&) = delete;
    ~Ticket();  // asserts that it is Idle

    // For the owning thread. Between Waiting and Granted any thread may move it, so of these two the answer may be
    // outdated.
    [[nodiscard]] State state() const { return state_.load(std::memory_order_relaxed); }

    // The slot it is bound to, once take() has returned it.
    [[nodiscard]] Slot* slot() const { return slot_; }

    // When it was first pushed, and when it was bound to its slot (for the queue time of the access log).
    [[nodiscard]] TimePoint queued_at() const { return queued_at_; }

    [[nodiscard]] TimePoint granted_at() const { return granted_at_; }

  private:
    friend class PoolQueue;
    friend class Slot;
    // Waiting: in the FIFO. Granted, Dispatched: among its slot's requests, oldest grant first.
    Link<Ticket> order_link_;
    // In its thread's list of those that are Waiting, Granted, or Dispatched and behind another.
    Link<Ticket> thread_link_;
    Slot* slot_ = nullptr;
    std::uint64_t order_ = 0;  // position of arrival
    TimePoint queued_at_{};
    TimePoint granted_at_{};
    std::uint32_t thread_ = 0;
    std::atomic<State> state_{State::Idle};  // written under the queue's mutex
    Body body_ = Body::Buffered;
    bool behind_ = false;  // Dispatched, and another request of the slot was granted earlier and has not ended
};

// A lane of execution of a worker. Embed it in (or derive from it) the object that stands for the lane; it must stay
// where it is from add_slot() until remove_slot() was called and in_flight() is 0.
class Slot {
  public:
    Slot() = default;
    Slot(const Slot&) = delete;
    Slot& operator=(const Slot&) = delete;
    ~Slot();  // asserts that it is not in a queue

  private:
    friend class PoolQueue;
    enum class State : std::uint8_t { Absent, Serving, Draining, Leaving };
    Link<Slot> bucket_link_;  // Serving and allowed another request: among the idle ones, or in a bucket of a thread
    List<Ticket, &Ticket::order_link_> tickets_;
    std::uint32_t outstanding_ = 0;
    std::uint32_t streaming_ = 0;  // of these, with a body that streams
    State state_ = State::Absent;
    bool in_bucket_ = false;
    bool no_prefetch_ = false;  // a request had to be recalled from it, and it has completed none since
};

// A mutex that costs nothing where there is only one thread.
class ThreadsMutex {
  public:
    explicit ThreadsMutex(unsigned threads) : shared_(threads > 1) {}

    void lock() {
        if (shared_) {
            mutex_.lock();
        }
    }

    void unlock() {
        if (shared_) {
            mutex_.unlock();
        }
    }

  private:
    std::mutex mutex_;
    const bool shared_;
};

class PoolQueue {
  public:
    struct Settings {
        std::uint32_t max_length = 0;  // waiting requests; 0: max(1024, 4 x the most slots there ever were)
        Duration timeout = std::chrono::seconds(30);  // how long one may wait
    };

    PoolQueue(Settings settings, unsigned threads);

    // ---- requests

    struct Pushed {
        bool accepted = false;  // false: the queue is full; answer 503 with retry_after(). The ticket stays Idle
        ThreadSet mail = 0;
    };

    // A request of `thread` arrives.
    [[nodiscard]] Pushed push(Ticket& ticket, unsigned thread, Body body, TimePoint now);

    // The next grant of `thread`, now Dispatched, or nullptr. Its slot() is where to send it.
    [[nodiscard]] Ticket* take(unsigned thread);

    // A dispatched request has ended. `service` is what the worker says it took; it is trusted only as far as it fits
    // between grant and `now`, and 1 ms more because the times passed in may be those of a loop turn.
    [[nodiscard]] ThreadSet complete(Ticket& ticket, Duration service, TimePoint now);

    // A dispatched request will certainly not be run by its slot (revoked, or unclaimed at its worker's death): back to
    // the front.
    [[nodiscard]] ThreadSet requeue(Ticket& ticket, TimePoint now);

    // The request is over without a measurement: its client left (if Dispatched: and it was revoked or has ended), or
    // its worker died with it.
    [[nodiscard]] ThreadSet forget(Ticket& ticket, TimePoint now);

    // The next request of `thread` that has waited for longer than Settings::timeout, oldest first, now Idle; nullptr:
    // none. Answer 503 with retry_after().
    [[nodiscard]] Ticket* take_expired(unsigned thread, TimePoint now);

    // The next dispatched request of `thread` that has waited behind another for too long; nullptr: none. It stays
    // Dispatched: try to revoke it, then requeue(); if it is too late for that do nothing. Each is offered once.
    [[nodiscard]] Ticket* take_overdue(unsigned thread, TimePoint now);

    // When take_expired() or take_overdue() of `thread` may next have something; nullopt: nothing is waiting. It may be
    // too early.
    [[nodiscard]] std::optional<TimePoint> next_deadline(unsigned thread) const;

    // Seconds for a 503's Retry-After: ceil(waiting x s / slots), within 1..30.
    [[nodiscard]] std::uint32_t retry_after() const;

    // ---- slots

    // The slot serves from now on. `thread` is the caller's.
    [[nodiscard]] ThreadSet add_slot(Slot& slot, unsigned thread, TimePoint now);

    // No more grants for this slot. Grants that were not taken yet go back to the front; the dispatched ones stay with
    // it. Harmless if it drains already, or is not in the queue.
    [[nodiscard]] ThreadSet drain_slot(Slot& slot, unsigned thread, TimePoint now);

    // The slot is over (drained, or its worker is dead): as drain_slot(), and it is forgotten when its last dispatched
    // request was completed, requeued or forgotten. Harmless if it is not in the queue.
    [[nodiscard]] ThreadSet remove_slot(Slot& slot, unsigned thread, TimePoint now);

    // Requests granted to the slot and not ended.
    [[nodiscard]] std::uint32_t in_flight(const Slot& slot) const;

    // ---- figures

    struct Figures {
        std::uint32_t waiting = 0;
        std::uint32_t in_flight = 0;
        std::uint32_t slots = 0;  // serving
        std::uint32_t idle = 0;   // of these, without a request
        std::uint32_t max_length = 0;
        std::uint32_t prefetch = 0;
        Duration service{0};  // smoothed; 0: not measured yet
    };

    [[nodiscard]] Figures figures() const;

    // The prefetch for a smoothed service time; 0 means not measured.
    [[nodiscard]] static std::uint32_t prefetch_for(Duration service);
    // How long a prefetched request may wait behind another.
    [[nodiscard]] static Duration patience_for(Duration service);

  private:
    using OrderList = List<Ticket, &Ticket::order_link_>;
    using ThreadList = List<Ticket, &Ticket::thread_link_>;
    using SlotList = List<Slot, &Slot::bucket_link_>;

    static constexpr std::size_t kBuckets = kMaxPrefetch + 1;

    struct PerThread {
        ThreadList waiting;  // by arrival
        ThreadList mailbox;  // by grant
        ThreadList behind;   // dispatched behind another request, by grant
        // Serving slots that hold requests of this thread and may get another, by number of outstanding requests. The
        // slot that has been there longest is taken: it is the likeliest to finish soon.
        std::array<SlotList, kBuckets> busy;
        std::uint64_t used_buckets = 0;  // bit n: bucket n is not empty
    };

    // All of these expect the mutex to be held.
    [[nodiscard]] ThreadSet assign(unsigned thread, TimePoint now);
    [[nodiscard]] Ticket* next_ticket(unsigned thread, TimePoint now) const;
    [[nodiscard]] Slot* next_slot(const Ticket& ticket) const;
    [[nodiscard]] Slot* busiest_worth_waiting_for(const PerThread& own) const;
    [[nodiscard]] ThreadSet grant(Ticket& ticket, Slot& slot, TimePoint now);
    void wait(Ticket& ticket);
    void stop_waiting(Ticket& ticket);
    void release(Ticket& ticket);
    void no_longer_behind(Ticket& ticket);
    void stop_serving(Slot& slot);
    [[nodiscard]] PerThread& holder(const Slot& slot);
    void enter_bucket(Slot& slot);
    void leave_bucket(Slot& slot);
    void measure(Duration service);
    [[nodiscard]] std::uint32_t max_length() const;

    mutable ThreadsMutex mutex_;
    Settings settings_;
    OrderList fifo_;
    std::vector<PerThread> threads_;
    SlotList idle_;  // serving slots without a request, last in first out
    std::uint64_t next_order_ = 1;
    Duration service_{0};
    std::uint32_t prefetch_ = 0;
    std::uint32_t waiting_ = 0;
    std::uint32_t in_flight_ = 0;
    std::uint32_t serving_ = 0;
    std::uint32_t most_slots_ = 0;
};

}  // namespace fettle::queue

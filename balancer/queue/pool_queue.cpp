#include "balancer/queue/pool_queue.h"

#include "base/assert.h"

#include <algorithm>
#include <bit>

namespace fettle::queue {

namespace {

using namespace std::chrono_literals;

constexpr Duration kBubble = 150us;       // what a round trip through the balancer may cost a slot
constexpr Duration kPrefetchBelow = 1ms;  // longer requests do not notice the bubble
constexpr Duration kLeastPatience = 1ms;
constexpr Duration kWakeUp = 20us;        // until a sleeping process runs; on virtual machines twice as long
constexpr Duration kOwnFirstBelow = 1ms;  // age of the front from which on no thread may pass it over
constexpr Duration kClockSlack = 1ms;     // times passed in may be as old as the loop's turn
constexpr int kSmoothing = 16;            // weight of one measurement: 1/16
constexpr std::uint32_t kLeastMaxLength = 1024;
constexpr std::uint32_t kWaitingPerSlot = 4;
constexpr std::uint32_t kLongestRetryAfter = 30;

constexpr ThreadSet bit(unsigned thread) {
    return ThreadSet{1} << thread;
}

}  // namespace

Ticket::~Ticket() {
    FETTLE_ASSERT(state() == State::Idle, "a request left memory while it was in the queue");
}

Slot::~Slot() {
    FETTLE_ASSERT(state_ == State::Absent, "a slot left memory while it was in the queue");
}

PoolQueue::PoolQueue(Settings settings, unsigned threads) : mutex_(threads), settings_(settings), threads_(threads) {
    FETTLE_ASSERT(threads >= 1 && threads <= kMaxThreads, "between 1 and 64 balancer threads");
}

// ---- requests

PoolQueue::Pushed PoolQueue::push(Ticket& ticket, unsigned thread, Body body, TimePoint now) {
    const std::lock_guard lock(mutex_);
    FETTLE_ASSERT(ticket.state() == Ticket::State::Idle, "a request is pushed once");
    FETTLE_ASSERT(thread < threads_.size(), "the thread exists");
    if (waiting_ >= max_length()) {
        return {};
    }
    ticket.thread_ = thread;
    ticket.body_ = body;
    ticket.order_ = next_order_++;
    ticket.queued_at_ = now;
    wait(ticket);
    return {.accepted = true, .mail = assign(thread, now)};
}

Ticket* PoolQueue::take(unsigned thread) {
    const std::lock_guard lock(mutex_);
    ThreadList& mailbox = threads_[thread].mailbox;
    Ticket* ticket = mailbox.front();
    if (ticket == nullptr) {
        return nullptr;
    }
    mailbox.remove(*ticket);
    ticket->state_ = Ticket::State::Dispatched;
    if (ticket->slot_->tickets_.front() != ticket) {
        ticket->behind_ = true;
        threads_[thread].behind.push_back(*ticket);
    }
    return ticket;
}

ThreadSet PoolQueue::complete(Ticket& ticket, Duration service, TimePoint now) {
    const std::lock_guard lock(mutex_);
    FETTLE_ASSERT(ticket.state() == Ticket::State::Dispatched, "only a dispatched request completes");
    measure(std::clamp(service, Duration{0}, std::max(now - ticket.granted_at_, Duration{0}) + kClockSlack));
    Slot& slot = *ticket.slot_;
    leave_bucket(slot);
    slot.no_prefetch_ = false;
    enter_bucket(slot);
    release(ticket);
    return assign(ticket.thread_, now);
}

ThreadSet PoolQueue::requeue(Ticket& ticket, TimePoint now) {
    const std::lock_guard lock(mutex_);
    FETTLE_ASSERT(ticket.state() == Ticket::State::Dispatched, "only a dispatched request is taken back");
    release(ticket);
    wait(ticket);
    return assign(ticket.thread_, now);
}

ThreadSet PoolQueue::forget(Ticket& ticket, TimePoint now) {
    const std::lock_guard lock(mutex_);
    switch (ticket.state()) {
        case Ticket::State::Idle:
            FETTLE_ASSERT(false, "a request that is not in the queue cannot leave it");
        case Ticket::State::Waiting:
            stop_waiting(ticket);
            break;
        case Ticket::State::Granted:
        case Ticket::State::Dispatched:
            release(ticket);
            break;
    }
    // Also a waiting request can have held others up: one whose body streams waits for an idle slot and lets nothing
    // pass.
    return assign(ticket.thread_, now);
}

Ticket* PoolQueue::take_expired(unsigned thread, TimePoint now) {
    const std::lock_guard lock(mutex_);
    Ticket* oldest = threads_[thread].waiting.front();
    if (oldest == nullptr || now - oldest->queued_at_ <= settings_.timeout) {
        return nullptr;
    }
    stop_waiting(*oldest);
    return oldest;
}

Ticket* PoolQueue::take_overdue(unsigned thread, TimePoint now) {
    const std::lock_guard lock(mutex_);
    Ticket* oldest = threads_[thread].behind.front();
    if (oldest == nullptr || now - oldest->granted_at_ <= patience_for(service_)) {
        return nullptr;
    }
    no_longer_behind(*oldest);
    Slot& slot = *oldest->slot_;
    leave_bucket(slot);
    slot.no_prefetch_ = true;
    enter_bucket(slot);
    return oldest;
}

std::optional<TimePoint> PoolQueue::next_deadline(unsigned thread) const {
    const std::lock_guard lock(mutex_);
    std::optional<TimePoint> deadline;
    if (const Ticket* oldest = threads_[thread].waiting.front(); oldest != nullptr) {
        deadline = oldest->queued_at_ + settings_.timeout;
    }
    if (const Ticket* oldest = threads_[thread].behind.front(); oldest != nullptr) {
        const TimePoint overdue = oldest->granted_at_ + patience_for(service_);
        deadline = deadline ? std::min(*deadline, overdue) : overdue;
    }
    return deadline;
}

std::uint32_t PoolQueue::retry_after() const {
    const std::lock_guard lock(mutex_);
    const double seconds = std::chrono::duration<double>(service_).count() * waiting_ / std::max(serving_, 1U);
    for (std::uint32_t whole = 1; whole < kLongestRetryAfter; ++whole) {
        if (seconds <= whole) {
            return whole;
        }
    }
    return kLongestRetryAfter;
}

// ---- slots

ThreadSet PoolQueue::add_slot(Slot& slot, unsigned thread, TimePoint now) {
    const std::lock_guard lock(mutex_);
    FETTLE_ASSERT(slot.state_ == Slot::State::Absent, "a slot is added once");
    slot.state_ = Slot::State::Serving;
    slot.no_prefetch_ = false;
    ++serving_;
    most_slots_ = std::max(most_slots_, serving_);
    enter_bucket(slot);
    return assign(thread, now);
}

ThreadSet PoolQueue::drain_slot(Slot& slot, unsigned thread, TimePoint now) {
    const std::lock_guard lock(mutex_);
    if (slot.state_ != Slot::State::Serving) {
        return 0;
    }
    stop_serving(slot);
    return assign(thread, now);
}

ThreadSet PoolQueue::remove_slot(Slot& slot, unsigned thread, TimePoint now) {
    const std::lock_guard lock(mutex_);
    if (slot.state_ == Slot::State::Absent || slot.state_ == Slot::State::Leaving) {
        return 0;
    }
    stop_serving(slot);
    slot.state_ = slot.outstanding_ == 0 ? Slot::State::Absent : Slot::State::Leaving;
    return assign(thread, now);
}

std::uint32_t PoolQueue::in_flight(const Slot& slot) const {
    const std::lock_guard lock(mutex_);
    return slot.outstanding_;
}

// ---- figures

PoolQueue::Figures PoolQueue::figures() const {
    const std::lock_guard lock(mutex_);
    std::uint32_t idle = 0;
    for (const Slot* slot = idle_.front(); slot != nullptr; slot = SlotList::next(*slot)) {
        ++idle;
    }
    return {.waiting = waiting_,
            .in_flight = in_flight_,
            .slots = serving_,
            .idle = idle,
            .max_length = max_length(),
            .prefetch = prefetch_,
            .service = service_};
}

std::uint32_t PoolQueue::prefetch_for(Duration service) {
    if (service <= Duration{0} || service >= kPrefetchBelow) {
        return 0;
    }
    const auto requests = (kBubble.count() + service.count() - 1) / service.count();  // rounded up
    return static_cast<std::uint32_t>(std::clamp<Duration::rep>(requests - 1, 1, kMaxPrefetch));
}

Duration PoolQueue::patience_for(Duration service) {
    return std::max(kLeastPatience, 2 * service);
}

// ---- under the mutex

// Grants what can be granted. `thread` is the one that asks.
ThreadSet PoolQueue::assign(unsigned thread, TimePoint now) {
    ThreadSet mail = 0;
    while (Ticket* ticket = next_ticket(thread, now)) {
        Slot* slot = next_slot(*ticket);
        if (slot == nullptr) {
            break;
        }
        mail |= grant(*ticket, *slot, now);
    }
    return mail;
}

Ticket* PoolQueue::next_ticket(unsigned thread, TimePoint now) const {
    Ticket* front = fifo_.front();
    if (front == nullptr || front->thread_ == thread || now - front->queued_at_ >= kOwnFirstBelow) {
        return front;
    }
    Ticket* own = threads_[thread].waiting.front();
    return own != nullptr ? own : front;
}

// The slot a request would go to now; nullptr: it has to wait. A streaming body waits for an idle slot, and because
// nothing may overtake it (assign() stops at it) slots do become idle.
Slot* PoolQueue::next_slot(const Ticket& ticket) const {
    const PerThread& own = threads_[ticket.thread_];
    if (!idle_.empty()) {
        Slot* busy = ticket.body_ == Body::Buffered ? busiest_worth_waiting_for(own) : nullptr;
        return busy != nullptr ? busy : idle_.front();
    }
    const auto least_busy = static_cast<std::uint32_t>(std::countr_zero(own.used_buckets));
    if (own.used_buckets == 0 || least_busy > prefetch_ || ticket.body_ == Body::Streaming) {
        return nullptr;
    }
    return own.busy[least_busy].front();
}

// nullptr: none, an idle slot is better.
Slot* PoolQueue::busiest_worth_waiting_for(const PerThread& own) const {
    if (prefetch_ == 0) {
        return nullptr;
    }
    const auto most = std::min<Duration::rep>(kWakeUp / service_, prefetch_);  // requests ahead of this one
    const std::uint64_t worth = (std::uint64_t{1} << most << 1) - 2;           // buckets 1 to `most`
    const std::uint64_t found = own.used_buckets & worth;
    return found == 0 ? nullptr : own.busy[static_cast<std::size_t>(std::bit_width(found) - 1)].front();
}

ThreadSet PoolQueue::grant(Ticket& ticket, Slot& slot, TimePoint now) {
    stop_waiting(ticket);
    leave_bucket(slot);
    slot.tickets_.push_back(ticket);
    ++slot.outstanding_;
    ++in_flight_;
    if (ticket.body_ == Body::Streaming) {
        ++slot.streaming_;
    }
    enter_bucket(slot);
    ticket.slot_ = &slot;
    ticket.granted_at_ = std::max(now, ticket.queued_at_);  // `now` may be that of a thread whose clock is behind
    ticket.state_ = Ticket::State::Granted;
    ThreadList& mailbox = threads_[ticket.thread_].mailbox;
    const ThreadSet mail = mailbox.empty() ? bit(ticket.thread_) : 0;
    mailbox.push_back(ticket);
    return mail;
}

// Puts an idle ticket where its arrival belongs. A new one is the youngest; one that comes back is among the oldest, so
// the search from the front is short.
void PoolQueue::wait(Ticket& ticket) {
    const auto insert = [&ticket](auto& list) {
        if (list.empty() || list.back()->order_ < ticket.order_) {
            list.push_back(ticket);
            return;
        }
        Ticket* position = list.front();
        while (position->order_ < ticket.order_) {
            position = std::remove_reference_t<decltype(list)>::next(*position);
        }
        list.insert(ticket, position);
    };
    insert(fifo_);
    insert(threads_[ticket.thread_].waiting);
    ++waiting_;
    ticket.state_ = Ticket::State::Waiting;
}

void PoolQueue::stop_waiting(Ticket& ticket) {
    fifo_.remove(ticket);
    threads_[ticket.thread_].waiting.remove(ticket);
    --waiting_;
    ticket.state_ = Ticket::State::Idle;
}

// Takes a granted or dispatched ticket from its slot.
void PoolQueue::release(Ticket& ticket) {
    Slot& slot = *ticket.slot_;
    if (ticket.state() == Ticket::State::Granted) {
        threads_[ticket.thread_].mailbox.remove(ticket);
    }
    no_longer_behind(ticket);
    leave_bucket(slot);
    slot.tickets_.remove(ticket);
    --slot.outstanding_;
    --in_flight_;
    if (ticket.body_ == Body::Streaming) {
        --slot.streaming_;
    }
    if (Ticket* first = slot.tickets_.front(); first != nullptr) {
        no_longer_behind(*first);
    }
    enter_bucket(slot);
    if (slot.state_ == Slot::State::Leaving && slot.outstanding_ == 0) {
        slot.state_ = Slot::State::Absent;
    }
    ticket.slot_ = nullptr;
    ticket.state_ = Ticket::State::Idle;
}

void PoolQueue::no_longer_behind(Ticket& ticket) {
    if (ticket.behind_) {
        threads_[ticket.thread_].behind.remove(ticket);
        ticket.behind_ = false;
    }
}

void PoolQueue::stop_serving(Slot& slot) {
    if (slot.state_ != Slot::State::Serving) {
        return;
    }
    leave_bucket(slot);
    slot.state_ = Slot::State::Draining;
    --serving_;
    Ticket* ticket = slot.tickets_.front();
    while (ticket != nullptr) {
        Ticket* next = OrderList::next(*ticket);
        if (ticket->state() == Ticket::State::Granted) {
            release(*ticket);
            wait(*ticket);
        }
        ticket = next;
    }
}

// The thread whose requests the slot holds; it has some.
PoolQueue::PerThread& PoolQueue::holder(const Slot& slot) {
    return threads_[slot.tickets_.front()->thread_];
}

// Puts the slot where next_slot() finds it, if it may get another request at all.
void PoolQueue::enter_bucket(Slot& slot) {
    const bool allowed =
            slot.outstanding_ == 0 || (!slot.no_prefetch_ && slot.streaming_ == 0 && slot.outstanding_ < kBuckets);
    if (slot.state_ != Slot::State::Serving || !allowed) {
        return;
    }
    slot.in_bucket_ = true;
    if (slot.outstanding_ == 0) {
        idle_.push_front(slot);
        return;
    }
    PerThread& thread = holder(slot);
    thread.busy[slot.outstanding_].push_back(slot);
    thread.used_buckets |= std::uint64_t{1} << slot.outstanding_;
}

// To be called before anything changes that enter_bucket() looks at.
void PoolQueue::leave_bucket(Slot& slot) {
    if (!slot.in_bucket_) {
        return;
    }
    slot.in_bucket_ = false;
    if (slot.outstanding_ == 0) {
        idle_.remove(slot);
        return;
    }
    PerThread& thread = holder(slot);
    thread.busy[slot.outstanding_].remove(slot);
    if (thread.busy[slot.outstanding_].empty()) {
        thread.used_buckets &= ~(std::uint64_t{1} << slot.outstanding_);
    }
}

void PoolQueue::measure(Duration service) {
    const Duration sample = std::max(service, Duration{1});  // 0 means not measured
    service_ = service_ == Duration{0} ? sample : std::max(service_ + (sample - service_) / kSmoothing, Duration{1});
    prefetch_ = prefetch_for(service_);
}

std::uint32_t PoolQueue::max_length() const {
    return settings_.max_length != 0 ? settings_.max_length : std::max(kLeastMaxLength, kWaitingPerSlot * most_slots_);
}

}  // namespace fettle::queue

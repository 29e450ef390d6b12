#include "balancer/proxy/deadlines.h"

#include "base/assert.h"

#include <algorithm>

namespace fettle::balancer {

void Deadline::stop() {
    if (next_ == nullptr) {
        return;
    }
    previous_->next_ = next_;
    next_->previous_ = previous_;
    previous_ = next_ = nullptr;
}

Deadlines::Deadlines(const Durations& durations) : durations_(durations) {
    for (Deadline& head : heads_) {
        head.previous_ = head.next_ = &head;
    }
}

Deadlines::~Deadlines() {
    for (Deadline& head : heads_) {
        FETTLE_ASSERT(head.next_ == &head, "a deadline outlives its list");
        head.previous_ = head.next_ = nullptr;
    }
}

void Deadlines::start(Deadline& deadline, DeadlineKind kind, TimePoint now) {
    deadline.stop();
    const Duration duration = durations_[static_cast<std::size_t>(kind)];
    if (duration <= Duration::zero()) {
        return;
    }
    Deadline& head = heads_[static_cast<std::size_t>(kind)];
    deadline.kind_ = kind;
    deadline.expires_ = now + duration;
    deadline.previous_ = head.previous_;
    deadline.next_ = &head;
    head.previous_->next_ = &deadline;
    head.previous_ = &deadline;
}

std::optional<TimePoint> Deadlines::next() const {
    std::optional<TimePoint> earliest;
    for (const Deadline& head : heads_) {
        if (head.next_ != &head && (!earliest || head.next_->expires_ < *earliest)) {
            earliest = head.next_->expires_;
        }
    }
    return earliest;
}

void Deadlines::expire(TimePoint now) {
    for (Deadline& head : heads_) {
        // The owner may change the list in any way, so the loop always looks at its head again. A deadline that is
        // started in here expires after `now` and ends the loop.
        while (head.next_ != &head && head.next_->expires_ <= now) {
            Deadline& due = *head.next_;
            due.stop();
            due.owner_->on_deadline(due.kind_);
        }
    }
}

}  // namespace fettle::balancer

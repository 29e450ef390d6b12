#include "base/logging/line_queue.h"

#include <algorithm>
#include <utility>

namespace fettle::logging {

namespace {
constexpr std::size_t kFirstSlots = 64;
constexpr std::size_t kKeptText = 2048;  // bytes; the memory of a longer line is not kept for the next one
}  // namespace

void LineQueue::push(Target target, log::Level level, std::string_view text) {
    const auto now = std::chrono::system_clock::now();
    bool wake = false;
    {
        const std::lock_guard lock(mutex_);
        if (waiting_ == most_) {
            first_ = (first_ + 1) % ring_.size();
            --waiting_;
            ++dropped_;
        } else if (waiting_ == ring_.size()) {
            grow();
        }
        Line& line = ring_[(first_ + waiting_) % ring_.size()];
        line.time = now;
        line.target = target;
        line.level = level;
        line.text.assign(text);
        ++waiting_;
        wake = std::exchange(idle_, false);
    }
    if (wake) {
        arrived_.notify_one();
    }
}

bool LineQueue::pop(Line& line) {
    if (line.text.capacity() > kKeptText) {
        line.text = std::string();
    }
    std::unique_lock lock(mutex_);
    while (waiting_ == 0 && !closed_) {
        idle_ = true;
        arrived_.wait(lock);
    }
    idle_ = false;
    if (waiting_ == 0) {
        return false;
    }
    std::swap(line, ring_[first_]);
    first_ = (first_ + 1) % ring_.size();
    --waiting_;
    return true;
}

void LineQueue::close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    arrived_.notify_one();
}

std::uint64_t LineQueue::dropped() const {
    const std::lock_guard lock(mutex_);
    return dropped_;
}

std::size_t LineQueue::slots() const {
    const std::lock_guard lock(mutex_);
    return ring_.size();
}

void LineQueue::grow() {
    std::rotate(ring_.begin(), ring_.begin() + static_cast<std::ptrdiff_t>(first_), ring_.end());
    first_ = 0;
    ring_.resize(std::min(most_, std::max(kFirstSlots, ring_.size() * 2)));
}

}  // namespace fettle::logging

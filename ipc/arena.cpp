#include "ipc/arena.h"

#include "base/assert.h"

#include <algorithm>

namespace fettle::ipc {

RingArena::RingArena(std::uint32_t bytes, std::uint32_t alignment, std::uint32_t entries)
    : bytes_(bytes), alignment_(alignment), entries_(entries) {
    FETTLE_ASSERT(bytes % alignment == 0 && entries > 0, "an arena is a whole number of aligned blocks");
}

std::uint32_t RingArena::round_up(std::uint32_t length) const {
    return (length + alignment_ - 1) / alignment_ * alignment_;
}

std::uint32_t RingArena::largest_free() const {
    if (full()) {
        return 0;
    }
    if (holding_ == 0) {
        return bytes_;
    }
    if (head_ > tail_) {
        return std::max(bytes_ - head_, tail_);
    }
    return tail_ - head_;  // 0 when head and tail meet: every byte is held
}

std::optional<std::uint32_t> RingArena::reserve(std::uint32_t length) {
    if (length > largest_free()) {
        return std::nullopt;
    }
    const bool fits_behind_head = holding_ == 0 || head_ < tail_ || bytes_ - head_ >= length;
    pending_ = fits_behind_head ? head_ : 0;
    return pending_;
}

void RingArena::commit(std::uint32_t used) {
    FETTLE_ASSERT(!full(), "a reservation is committed only while an entry is free");
    Entry& entry = entries_[committed_ % entries_.size()];
    if (used > 0) {
        const std::uint32_t end = std::min(pending_ + round_up(used), bytes_);
        head_ = end == bytes_ ? 0 : end;
        ++holding_;
    }
    entry = Entry{head_, used > 0};
    ++committed_;
}

void RingArena::release_until(std::uint64_t count) {
    FETTLE_ASSERT(count <= committed_, "only committed entries are released");
    for (; released_ < count; ++released_) {
        const Entry& entry = entries_[released_ % entries_.size()];
        if (entry.holds_space) {
            tail_ = entry.end;
            --holding_;
        }
    }
    if (holding_ == 0) {
        head_ = tail_ = 0;
    }
}

}  // namespace fettle::ipc

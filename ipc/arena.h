// RingArena: the private allocator of the side that writes an arena. Space is handed out in FIFO order and comes back
// in FIFO order when the peer's consumed cursor moves. Pure bookkeeping: nothing of it lives in shared memory.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace fettle::ipc {

class RingArena {
  public:
    // `bytes` is a multiple of `alignment`; at most `entries` reservations are outstanding.
    RingArena(std::uint32_t bytes, std::uint32_t alignment, std::uint32_t entries);

    // The largest contiguous reservation that would succeed now, in bytes.
    [[nodiscard]] std::uint32_t largest_free() const;

    // Reserves `length` contiguous bytes and returns their offset; nullopt if there is no room now. A reservation
    // becomes permanent with commit(); until then the next reserve() replaces it.
    [[nodiscard]] std::optional<std::uint32_t> reserve(std::uint32_t length);

    // Makes the last reservation entry number committed(), keeping its first `used` bytes (0 allowed, also without a
    // reservation).
    void commit(std::uint32_t used);

    // Frees all entries numbered below `count`. When nothing is left, the next reservation starts at offset 0, so that
    // quiet lanes touch the same few cache lines again and again.
    void release_until(std::uint64_t count);

    [[nodiscard]] std::uint64_t committed() const { return committed_; }

    [[nodiscard]] std::uint64_t released() const { return released_; }

    [[nodiscard]] bool full() const { return committed_ - released_ >= entries_.size(); }

  private:
    [[nodiscard]] std::uint32_t round_up(std::uint32_t length) const;

    struct Entry {
        std::uint32_t end = 0;  // where the next entry may start
        bool holds_space = false;
    };

    std::uint32_t bytes_;
    std::uint32_t alignment_;
    std::uint32_t head_ = 0;     // where the next reservation may start
    std::uint32_t tail_ = 0;     // start of the oldest entry that holds space
    std::uint32_t holding_ = 0;  // entries that hold space; tells empty from full where head and tail meet
    std::uint32_t pending_ = 0;  // offset of the reservation not yet committed
    std::uint64_t committed_ = 0;
    std::uint64_t released_ = 0;
    std::vector<Entry> entries_;  // number n at n % size
};

}  // namespace fettle::ipc

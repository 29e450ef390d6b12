// CLOCK_MONOTONIC in nanoseconds: the unit of the scoreboard and of response descriptors (ipc/layout.h).
#pragma once

#include <chrono>
#include <cstdint>

namespace fettle::worker {

[[nodiscard]] inline std::uint64_t monotonic_ns() {
    const auto since_boot = std::chrono::steady_clock::now().time_since_epoch();
    return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(since_boot).count());
}

}  // namespace fettle::worker

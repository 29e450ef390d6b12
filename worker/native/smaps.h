// The memory of this process, each shared page divided by the number of its users (proportional set size).
#pragma once

#include <cstdint>

namespace fettle::worker {

// From /proc/self/smaps_rollup (proc(5)); 0 if the kernel does not say. Walks the page tables: milliseconds for a large
// process.
[[nodiscard]] std::uint64_t own_pss_bytes();

}  // namespace fettle::worker

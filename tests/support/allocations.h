// Counts what operator new hands out. Link allocations.cpp into a test executable, and its global operators are replaced.
#pragma once

#include <cstddef>

namespace fettle::test {

// Since the program started, of all threads.
[[nodiscard]] std::size_t allocations();

}  // namespace fettle::test

// The child's side of spawner.cpp: from fork to exec. Only async-signal-safe calls (signal-safety(7)): no allocation,
// no logging, no destructors, because another thread of the parent (the log's) may have held any lock at the moment of
// the fork.
#pragma once

#include "supervisor/process/spawner.h"

#include <sys/types.h>

#include <cstddef>

namespace fettle::supervisor {

// Plain pointers into memory that the parent built before the fork.
struct ChildPlan {
    const char* executable = nullptr;
    char* const* arguments = nullptr;
    char* const* environment = nullptr;
    const FdMapping* fds = nullptr;
    int* copies = nullptr;  // room for fd_count descriptors
    std::size_t fd_count = 0;
    int first_free = 3;  // above all targets
    const ResourceLimit* limits = nullptr;
    std::size_t limit_count = 0;
    const char* directory = nullptr;  // nullptr: stay
    int parent_death_signal = 0;
    pid_t parent = 0;
    int report = -1;
};

[[noreturn]] void run_child(const ChildPlan& plan);

}  // namespace fettle::supervisor

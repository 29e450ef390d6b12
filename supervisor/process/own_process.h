// What the supervisor does to its own process before it starts others.
#pragma once

#include <sys/resource.h>

namespace fettle::supervisor {

// Descriptors 0, 1 and 2 are open, no signal is blocked, SIGPIPE is ignored.
void prepare_own_process();

// Raises the soft limit of open files to the hard one: the supervisor and the balancer need descriptors for every
// worker and client. Returns the limit as it was, which Python gets back: programs that use select(2) break above 1024.
[[nodiscard]] rlimit raise_descriptor_limit();

}  // namespace fettle::supervisor

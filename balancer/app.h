// The balancer process: terminates HTTP for clients, holds the queue, hands requests to workers. `fettle balancer`
// calls run().
#pragma once

#include "base/log.h"
#include "config/schema.h"

#include <cstdint>
#include <vector>

namespace fettle::balancer {

struct Options {
    int control_fd = -1;            // taken over, as the listeners are
    std::vector<int> listener_fds;  // bound and listening
    std::uint32_t incarnation = 0;
    config::Config config;                // effective and validated; its log files are open already
    log::LineSink* access_log = nullptr;  // nullptr: no access log
};

// Owns the calling process until the control socket ends, and then for at most timeouts.graceful more. Gives up root
// for nobody:nogroup and every way back, raises the soft limit of descriptors to the hard one, and ignores the signals
// of a terminal or service manager: the supervisor decides when the balancer stops. Call it on the main thread. Returns
// the exit code.
int run(Options options);

}  // namespace fettle::balancer

// The balancer of one process: its threads, the control side and what they share.
#pragma once

#include "base/fd.h"
#include "base/log.h"
#include "base/result.h"
#include "config/schema.h"

#include <cstdint>
#include <string>
#include <vector>

namespace fettle::balancer {

struct BalancerSetup {
    Fd control;
    std::vector<Fd> listeners;
    std::uint32_t incarnation = 0;
    config::Config config;
    log::LineSink* access_log = nullptr;  // nullptr: none; must outlive the call
};

// Serves with http.threads loops, the first of them on the calling thread, until the supervisor's control socket ends
// and the requests under way have ended or timeouts.graceful is over. An Error says why it could not begin.
[[nodiscard]] Result<void> serve(BalancerSetup setup);

}  // namespace fettle::balancer

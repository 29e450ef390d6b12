// What the supervisor says in the log about its decisions. One line each: what happened, to whom, and what comes next.
#pragma once

#include "config/schema.h"
#include "supervisor/core/pool_io.h"
#include "supervisor/process/child.h"

#include <cstdint>
#include <string>
#include <vector>

namespace fettle::supervisor::report {

// "worker died seat=3 pid=4711 incarnation=9 cause='signal 11 (SIGSEGV)' uptime=12.3s requests=77 next='restarting
// now'". `child` is nullptr if it could not even be started.
void released(const core::action::Release& release, const Child* child, std::uint64_t requests);

// A process is ended by force.
void forced(const core::Ref& who, const Child& child, core::Reason reason, int signal,
            const config::Timeouts& timeouts);

// It broke the protocol of its channels: the line that says so for all its consequences.
void violated(const core::action::CountViolation& action, const Child& worker);

// It drains, exits and is replaced.
void recycled(const Child& worker, std::uint64_t requests, core::Recycle reason);

void stuck(const Child& child);
void serving(const std::vector<std::string>& urls);
void degraded_changed(const core::action::DegradedChanged& change, std::size_t seats);
void stop_requested(int signal, bool again, const config::Timeouts& timeouts);

// `load_failure_said`: the log has it already why the application cannot be loaded, so that it is no second error.
void ended(ExitCode code, const config::Config& config, bool load_failure_said);

// "restarting now", "restarting in 0.4 s (early death 3)".
[[nodiscard]] std::string next_step(const core::action::Release& release);

}  // namespace fettle::supervisor::report

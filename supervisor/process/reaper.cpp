#include "supervisor/process/reaper.h"

#include "base/assert.h"
#include "base/log.h"
#include "supervisor/process/process.h"

#include <sys/prctl.h>
#include <sys/wait.h>

#include <cerrno>
#include <csignal>
#include <utility>

namespace fettle::supervisor {

Reaper::Reaper(std::function<void()> before_sweep) : before_sweep_(std::move(before_sweep)) {}

Result<std::unique_ptr<Reaper>> Reaper::start(loop::Loop& loop, std::function<void()> before_sweep) {
    if (::prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) {
        return errno_error("cannot become a subreaper");
    }
    std::unique_ptr<Reaper> reaper(new Reaper(std::move(before_sweep)));
    FETTLE_TRY(signal, loop::Signal::watch(loop, SIGCHLD, [self = reaper.get()] { self->sweep(); }));
    reaper->child_signal_.emplace(std::move(signal));
    return reaper;
}

void Reaper::add(pid_t pid, Process& process) {
    const bool is_new = known_.emplace(pid, &process).second;
    FETTLE_ASSERT(is_new, "a pid belongs to two processes");
}

void Reaper::remove(pid_t pid) {
    known_.erase(pid);
}

void Reaper::sweep() {
    before_sweep_();
    for (;;) {
        siginfo_t info{};
        if (::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0) {
            return;  // no child at all, or none that is dead
        }
        if (const auto known = known_.find(info.si_pid); known != known_.end()) {
            known->second->reap_if_dead();  // dead for certain, so this zombie is gone when the loop comes round
            continue;
        }
        ::waitid(P_PID, static_cast<id_t>(info.si_pid), &info, WEXITED | WNOHANG);
        ++strangers_reaped_;
        log::debug("reaped a process of the application pid={} cause='{}'", info.si_pid,
                   describe(ExitInfo::from(info, {})));
    }
}

bool Reaper::has_children() {
    siginfo_t info{};
    return ::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

}  // namespace fettle::supervisor

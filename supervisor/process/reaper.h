// Reaper: nobody's zombie stays. The supervisor is a subreaper (prctl(2) PR_SET_CHILD_SUBREAPER) and may be PID 1 of a
// container: it inherits every orphan of its children. SIGCHLD may be lost or merged, so it is only a hint to sweep all
// children that have died: a known one is reaped by its Process, an unknown one here.
//
// It is the only place beside Process that waits. One per process.
#pragma once

#include "base/result.h"
#include "loop/loop.h"

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <unordered_map>

namespace fettle::supervisor {

class Process;

class Reaper {
  public:
    // `before_sweep` runs before each sweep: whoever may learn a pid from a message that waits in a socket must read it
    // now, or the sweep takes that process for a stranger.
    static Result<std::unique_ptr<Reaper>> start(loop::Loop& loop, std::function<void()> before_sweep);

    Reaper(const Reaper&) = delete;
    Reaper& operator=(const Reaper&) = delete;
    ~Reaper() = default;

    void sweep();

    [[nodiscard]] std::uint64_t strangers_reaped() const { return strangers_reaped_; }

    // Whether any child is left, dead or alive.
    [[nodiscard]] static bool has_children();

  private:
    friend class Process;
    explicit Reaper(std::function<void()> before_sweep);
    void add(pid_t pid, Process& process);
    void remove(pid_t pid);

    std::function<void()> before_sweep_;
    std::optional<loop::Signal> child_signal_;
    std::unordered_map<pid_t, Process*> known_;
    std::uint64_t strangers_reaped_ = 0;
};

}  // namespace fettle::supervisor

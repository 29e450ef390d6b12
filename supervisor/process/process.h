// Process: a child of ours, from the fork (or from the moment its pid is known) to the statement that reaps it.
//
// Its pid is forgotten in that very statement, and signals go through its pidfd only, so that a recycled pid can never
// be hit. Its death is noticed by the pidfd (or by the Reaper's sweep, whichever comes first). Destroying a Process
// that lives leaves the child running; the Reaper buries it later as one it does not know.
#pragma once

#include "base/fd.h"
#include "base/result.h"
#include "loop/loop.h"
#include "supervisor/process/exit_info.h"

#include <sys/types.h>

#include <functional>
#include <memory>
#include <optional>

namespace fettle::supervisor {

class Reaper;

class Process {
  public:
    using Exited = std::function<void(const ExitInfo&)>;

    // `exited` is called once, on the loop, after the child was reaped; the Process may be destroyed in it.
    static Result<std::unique_ptr<Process>> adopt(loop::Loop& loop, Reaper& reaper, pid_t pid, Fd pidfd, Exited exited);
    // For a child whose pid somebody told us; an Error if it is not a child of ours (any more).
    static Result<std::unique_ptr<Process>> adopt(loop::Loop& loop, Reaper& reaper, pid_t pid, Exited exited);

    Process(const Process&) = delete;
    Process& operator=(const Process&) = delete;
    ~Process();

    [[nodiscard]] pid_t pid() const { return pid_; }  // 0: reaped

    // Sending to a process that has just died is no error.
    Result<void> send_signal(int number);

    // Reaps the child if it is dead and calls `exited`, in which *this may be destroyed.
    void reap_if_dead();

  private:
    Process(Reaper& reaper, pid_t pid, Fd pidfd, Exited exited);

    Reaper& reaper_;
    pid_t pid_;
    Fd pidfd_;
    std::optional<loop::Poll> poll_;
    Exited exited_;
    ExitInfo::Signals sent_;
};

}  // namespace fettle::supervisor

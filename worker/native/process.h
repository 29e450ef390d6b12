// How worker processes come to be: the zygote's forks, and the tie to the supervisor.
#pragma once

#include "ipc/control.h"
#include "worker/native/py_ref.h"

#include <signal.h>
#include <sys/types.h>

#include <array>
#include <optional>

namespace fettle::worker {

// Asks for SIGTERM when the supervisor dies, and ends the process if it is dead already. It is a hint, never the
// mechanism: the end of the control socket is. SIGTERM, because while the application is imported its default action
// ends a process that nobody waits for any more, and later it only brings the service thread a little earlier to what
// the end of the socket tells it. (prctl(2): the signal comes when the *thread* that is our parent ends, and the
// setting does not survive a change of user.)
void follow_supervisor(pid_t supervisor);

// SIGTERM, SIGINT and SIGHUP, as they were before a zygote began to ignore them: systemd and terminals send them to
// every process, and the zygote must outlive the workers, or the supervisor would import the application once more in
// the middle of its stop.
class StopSignals {
  public:
    static StopSignals ignore();
    void restore() const;

  private:
    static constexpr std::array kNumbers{SIGTERM, SIGINT, SIGHUP};
    std::array<struct sigaction, kNumbers.size()> before_{};
};

struct ForkRequest {
    ipc::WorkerId worker;
    int worker_control_fd = -1;  // the new worker's end of its control socket; closed in the zygote, kept in the worker
    int zygote_control_fd = -1;  // closed in the worker: the supervisor must see its end when the zygote dies
    pid_t supervisor = 0;
    std::optional<StopSignals> stop_signals{};  // to restore in the worker
};

enum class ForkedAs { Zygote, Worker };

// Forks twice, so that the supervisor, a subreaper, becomes the worker's parent; returns in the zygote and in the
// worker. At-fork hooks of Python run once: "before" and "after in parent" in the zygote, "after in child" in the
// worker, which has sent its Hello by then, so that the supervisor knows the pid of a worker that hangs in a hook.
// Without a value: OSError is set (in the zygote).
[[nodiscard]] std::optional<ForkedAs> fork_worker(const ForkRequest& request);

// Forks a child that ends at once, hooks included: some libraries end or restart their threads around a fork. False:
// OSError is set.
[[nodiscard]] bool trial_fork();

}  // namespace fettle::worker

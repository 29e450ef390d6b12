// How worker processes come to be: the zygote's forks, and the tie to the supervisor.
#pragma once

#include "ipc/control.h"
#include "worker/native/py_ref.h"

#include <sys/types.h>

#include <optional>

namespace fettle::worker {

// Asks for SIGTERM when the supervisor dies, and ends the process if it is dead already. It is a hint, never the
// mechanism: the end of the control socket is. SIGTERM, because while the application is imported its default action
// ends a process that nobody waits for any more, and later it only brings the service thread a little earlier to what
// the end of the socket tells it. (prctl(2): the signal comes when the *thread* that is our parent ends, and the
// setting does not survive a change of user.)
void follow_supervisor(pid_t supervisor);

struct ForkRequest {
    ipc::WorkerId worker;
    int worker_control_fd = -1;  // the new worker's end of its control socket; closed in the zygote, kept in the worker
    int zygote_control_fd = -1;  // closed in the worker: the supervisor must see its end when the zygote dies
    pid_t supervisor = 0;
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

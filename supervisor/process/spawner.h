// Starts programs: fork and exec of our own. libuv's uv_spawn is not used: it offers no place for a session, limits, a
// parent-death signal or a descriptor map, and it reaps behind our back.
//
// Everything is built before the fork; the child runs async-signal-safe calls only (child_exec.cpp) and ends in exec or
// _exit. If a stage fails, the child writes {stage, errno} into a close-on-exec pipe: an end of that pipe without a
// report means that exec succeeded. spawn() does not wait for it, because exec may block on a slow disk; whoever owns
// the child reads the report when the child has died (read_failure), or waits for it (wait_for_exec).
#pragma once

#include "base/clock.h"
#include "base/fd.h"
#include "base/result.h"

#include <sys/resource.h>
#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace fettle::supervisor {

// The child's descriptor `target` is a copy of our `fd`. 0, 1 and 2 are inherited unless mapped; nothing else reaches
// the child.
struct FdMapping {
    int fd = -1;
    int target = -1;
};

struct ResourceLimit {
    __rlimit_resource_t resource = RLIMIT_NOFILE;
    rlimit limit{};
};

struct SpawnRequest {
    std::string executable;                // a path; PATH is not searched
    std::vector<std::string> arguments;    // with argv[0]
    std::vector<std::string> environment;  // NAME=value
    std::vector<FdMapping> fds;
    std::vector<ResourceLimit> limits;
    std::string directory;        // working directory; empty: ours
    int parent_death_signal = 0;  // prctl(2) PR_SET_PDEATHSIG: follows the *thread* that spawns; 0: none
};

// In the order in which the child goes through them.
enum class SpawnStage : std::uint32_t { Session, ParentDeath, Signals, Descriptors, Limits, Directory, Exec };

struct SpawnFailure {
    SpawnStage stage{};
    int error = 0;  // errno
    bool operator==(const SpawnFailure&) const = default;
};

// For people: "cannot execute '/usr/bin/python9': No such file or directory".
[[nodiscard]] std::string describe(const SpawnFailure& failure, const SpawnRequest& request);

struct Spawned {
    pid_t pid = 0;
    Fd pidfd;
    Fd report;  // the pipe's read end, non-blocking
};

// The child is in a session of its own, so that Ctrl-C reaches the supervisor alone; its signals are unblocked and at
// their defaults. An Error means that there is no child.
[[nodiscard]] Result<Spawned> spawn(const SpawnRequest& request);

// The report of a child that has died; nullopt if exec had succeeded. Does not block.
[[nodiscard]] std::optional<SpawnFailure> read_failure(int report);

// Waits until exec succeeded (nullopt) or failed, at most until `deadline`; then nullopt as well. Blocks: not for the
// loop's thread.
[[nodiscard]] std::optional<SpawnFailure> wait_for_exec(int report, TimePoint deadline);

}  // namespace fettle::supervisor

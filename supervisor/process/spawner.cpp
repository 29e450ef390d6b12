#include "supervisor/process/spawner.h"

#include "supervisor/process/child_exec.h"
#include "supervisor/process/pidfd.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>

namespace fettle::supervisor {

namespace {

// execve(2) wants arrays of mutable pointers and does not change what they point to.
std::vector<char*> pointers_to(const std::vector<std::string>& strings) {
    std::vector<char*> pointers;
    pointers.reserve(strings.size() + 1);
    for (const std::string& text : strings) {
        pointers.push_back(const_cast<char*>(text.c_str()));
    }
    pointers.push_back(nullptr);
    return pointers;
}

// While it lives, this thread receives no signal; see reset_signals() in child_exec.cpp.
class SignalsBlocked {
  public:
    SignalsBlocked() {
        sigset_t all;
        ::sigfillset(&all);
        ::pthread_sigmask(SIG_SETMASK, &all, &before_);
    }

    SignalsBlocked(const SignalsBlocked&) = delete;
    SignalsBlocked& operator=(const SignalsBlocked&) = delete;

    ~SignalsBlocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

  private:
    sigset_t before_{};
};

}  // namespace

std::string describe(const SpawnFailure& failure, const SpawnRequest& request) {
    std::string reason = std::string(": ") + std::strerror(failure.error);
    switch (failure.stage) {
        case SpawnStage::Session:
            return "cannot make a session for '" + request.executable + "'" + reason;
        case SpawnStage::ParentDeath:
            return "cannot tie '" + request.executable + "' to the life of fettle" + reason;
        case SpawnStage::Signals:
            return "cannot reset the signals for '" + request.executable + "'" + reason;
        case SpawnStage::Descriptors:
            return "cannot hand file descriptors to '" + request.executable + "'" + reason;
        case SpawnStage::Limits:
            return "cannot set the resource limits of '" + request.executable + "'" + reason;
        case SpawnStage::Directory:
            return "cannot change to the directory '" + request.directory + "'" + reason;
        case SpawnStage::Exec:
            return "cannot execute '" + request.executable + "'" + reason;
    }
    return reason;
}

Result<Spawned> spawn(const SpawnRequest& request) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) {
        return errno_error("cannot start '" + request.executable + "': no pipe");
    }
    Fd read_end(ends[0]);
    const Fd write_end(ends[1]);
    if (::fcntl(read_end.get(), F_SETFL, O_NONBLOCK) != 0) {  // our end only: it is an open file of its own
        return errno_error("cannot start '" + request.executable + "': no non-blocking pipe");
    }

    const std::vector<char*> arguments = pointers_to(request.arguments);
    const std::vector<char*> environment = pointers_to(request.environment);
    std::vector<int> copies(request.fds.size());
    ChildPlan plan;
    plan.executable = request.executable.c_str();
    plan.arguments = arguments.data();
    plan.environment = environment.data();
    plan.fds = request.fds.data();
    plan.copies = copies.data();
    plan.fd_count = request.fds.size();
    for (const FdMapping& mapping : request.fds) {
        plan.first_free = std::max(plan.first_free, mapping.target + 1);
    }
    plan.limits = request.limits.data();
    plan.limit_count = request.limits.size();
    plan.directory = request.directory.empty() ? nullptr : request.directory.c_str();
    plan.parent_death_signal = request.parent_death_signal;
    plan.parent = ::getpid();
    plan.report = write_end.get();

    const SignalsBlocked blocked;
    const pid_t pid = ::fork();
    if (pid == 0) {
        run_child(plan);
    }
    if (pid < 0) {
        return errno_error("cannot start '" + request.executable + "': fork failed");
    }
    // Nobody else reaps on this thread, so the pid is still this child's.
    Fd pidfd(pidfd_open(pid));
    if (!pidfd.valid()) {
        Error error = errno_error("cannot start '" + request.executable + "': no pidfd");
        ::kill(pid, SIGKILL);
        ::waitpid(pid, nullptr, 0);
        return error;
    }
    return Spawned{pid, std::move(pidfd), std::move(read_end)};
}

std::optional<SpawnFailure> read_failure(int report) {
    SpawnFailure failure;
    const ssize_t got = ::read(report, &failure, sizeof(failure));
    return got == static_cast<ssize_t>(sizeof(failure)) ? std::optional(failure) : std::nullopt;
}

std::optional<SpawnFailure> wait_for_exec(int report, TimePoint deadline) {
    pollfd waiting{.fd = report, .events = POLLIN, .revents = 0};
    for (;;) {
        const auto left =
                std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()).count();
        const int ready = ::poll(&waiting, 1, static_cast<int>(std::clamp<std::int64_t>(left, 0, 1 << 30)));
        if (ready < 0 && errno == EINTR) {
            continue;
        }
        return ready > 0 ? read_failure(report) : std::nullopt;
    }
}

}  // namespace fettle::supervisor

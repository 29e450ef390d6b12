#include "supervisor/process/process.h"

#include "supervisor/process/pidfd.h"
#include "supervisor/process/reaper.h"

#include <sys/wait.h>

#include <cerrno>
#include <csignal>
#include <utility>

namespace fettle::supervisor {

Process::Process(Reaper& reaper, pid_t pid, Fd pidfd, Exited exited)
    : reaper_(reaper), pid_(pid), pidfd_(std::move(pidfd)), exited_(std::move(exited)) {
    reaper_.add(pid_, *this);
}

Process::~Process() {
    if (pid_ != 0) {
        reaper_.remove(pid_);
    }
}

Result<std::unique_ptr<Process>> Process::adopt(loop::Loop& loop, Reaper& reaper, pid_t pid, Fd pidfd, Exited exited) {
    std::unique_ptr<Process> process(new Process(reaper, pid, std::move(pidfd), std::move(exited)));
    FETTLE_TRY(poll, loop::Poll::create(loop, process->pidfd_.get(),
                                        [self = process.get()](loop::Readiness) { self->reap_if_dead(); }));
    process->poll_.emplace(std::move(poll));
    process->poll_->set(loop::Interest::Read);
    return process;
}

Result<std::unique_ptr<Process>> Process::adopt(loop::Loop& loop, Reaper& reaper, pid_t pid, Exited exited) {
    Fd pidfd(pidfd_open(pid));  // works on a zombie too
    if (!pidfd.valid()) {
        return errno_error("cannot open a pidfd of process " + std::to_string(pid));
    }
    siginfo_t info{};
    if (::waitid(P_PIDFD, static_cast<id_t>(pidfd.get()), &info, WEXITED | WNOHANG | WNOWAIT) != 0) {
        return errno_error("process " + std::to_string(pid) + " is not a child of the supervisor");
    }
    return adopt(loop, reaper, pid, std::move(pidfd), std::move(exited));
}

Result<void> Process::send_signal(int number) {
    if (pid_ == 0) {
        return {};
    }
    sent_.set(static_cast<std::size_t>(number));
    if (pidfd_send_signal(pidfd_.get(), number) != 0 && errno != ESRCH) {
        return errno_error("cannot send " + signal_name(number) + " to process " + std::to_string(pid_));
    }
    return {};
}

void Process::reap_if_dead() {
    siginfo_t info{};
    if (pid_ == 0 || ::waitid(P_PIDFD, static_cast<id_t>(pidfd_.get()), &info, WEXITED | WNOHANG | WNOWAIT) != 0 ||
        info.si_pid == 0) {
        return;  // a spurious wake-up
    }
    poll_.reset();  // a reaped process's pidfd stays readable for ever
    reaper_.remove(pid_);
    ::waitid(P_PID, static_cast<id_t>(std::exchange(pid_, 0)), &info, WEXITED);
    const Exited exited = std::move(exited_);
    exited(ExitInfo::from(info, sent_));
}

}  // namespace fettle::supervisor

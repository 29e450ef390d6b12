#include "supervisor/process/child_exec.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

namespace fettle::supervisor {

namespace {

[[noreturn]] void fail(int report, SpawnStage stage, int error) {
    const SpawnFailure failure{stage, error};
    // One write of less than PIPE_BUF bytes; if even that fails, the exit code is all that is left.
    [[maybe_unused]] const ssize_t written = ::write(report, &failure, sizeof(failure));
    ::_exit(127);
}

void follow_parent(const ChildPlan& plan) {
    if (plan.parent_death_signal == 0) {
        return;
    }
    if (::prctl(PR_SET_PDEATHSIG, plan.parent_death_signal) != 0) {
        fail(plan.report, SpawnStage::ParentDeath, errno);
    }
    if (::getppid() != plan.parent) {
        ::_exit(127);  // the parent died before the call above: nobody reads the report
    }
}

// The parent forked with all signals blocked, so that none of its handlers can run here and write into the loop's
// signal pipe.
void reset_signals(int report) {
    struct sigaction standard {};

    standard.sa_handler = SIG_DFL;
    for (int number = 1; number < NSIG; ++number) {
        ::sigaction(number, &standard,
                    nullptr);  // fails for SIGKILL, SIGSTOP and the C library's own: nothing to reset there
    }
    sigset_t none;
    ::sigemptyset(&none);
    if (::sigprocmask(SIG_SETMASK, &none, nullptr) != 0) {
        fail(report, SpawnStage::Signals, errno);
    }
}

// Sources may be targets of other mappings: first all are copied above every target, then everything from 3 on is made
// close-on-exec, then the copies are put where they belong, which clears that flag for them alone.
void map_descriptors(const ChildPlan& plan, int& report) {
    const int moved = ::fcntl(report, F_DUPFD_CLOEXEC, plan.first_free);
    if (moved < 0) {
        fail(report, SpawnStage::Descriptors, errno);
    }
    report = moved;
    for (std::size_t index = 0; index < plan.fd_count; ++index) {
        plan.copies[index] = ::fcntl(plan.fds[index].fd, F_DUPFD_CLOEXEC, plan.first_free);
        if (plan.copies[index] < 0) {
            fail(report, SpawnStage::Descriptors, errno);
        }
    }
    if (::close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) != 0) {
        fail(report, SpawnStage::Descriptors, errno);
    }
    for (std::size_t index = 0; index < plan.fd_count; ++index) {
        if (::dup2(plan.copies[index], plan.fds[index].target) < 0) {
            fail(report, SpawnStage::Descriptors, errno);
        }
    }
}

}  // namespace

void run_child(const ChildPlan& plan) {
    int report = plan.report;
    if (::setsid() < 0) {
        fail(report, SpawnStage::Session, errno);
    }
    follow_parent(plan);
    reset_signals(report);
    map_descriptors(plan, report);
    for (std::size_t index = 0; index < plan.limit_count; ++index) {
        if (::setrlimit(plan.limits[index].resource, &plan.limits[index].limit) != 0) {
            fail(report, SpawnStage::Limits, errno);
        }
    }
    if (plan.directory != nullptr && ::chdir(plan.directory) != 0) {
        fail(report, SpawnStage::Directory, errno);
    }
    ::execve(plan.executable, plan.arguments, plan.environment);
    fail(report, SpawnStage::Exec, errno);
}

}  // namespace fettle::supervisor

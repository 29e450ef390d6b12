#include "worker/native/process.h"

#include "base/exit_codes.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>

namespace fettle::worker {

namespace {

[[noreturn]] void end_quietly() {
    ::_exit(static_cast<int>(ExitCode::Ok));
}

// In the worker: returns once the intermediate process is gone and the supervisor has inherited us. Another parent
// means that the supervisor has died.
void wait_for_supervisor(pid_t supervisor, pid_t intermediate) {
    constexpr timespec kPause{.tv_sec = 0, .tv_nsec = 100'000};
    for (pid_t parent = ::getppid(); parent != supervisor; parent = ::getppid()) {
        if (parent != intermediate) {
            end_quietly();
        }
        (void)::nanosleep(&kPause, nullptr);
    }
}

// In the worker, before any hook of Python's runs. System calls only.
void become_worker(const ForkRequest& request, pid_t intermediate) {
    ::close(request.zygote_control_fd);
    if (request.stop_signals) {
        request.stop_signals->restore();
    }
    sigset_t none;
    ::sigemptyset(&none);
    (void)::sigprocmask(SIG_SETMASK, &none, nullptr);  // the application may have blocked signals while it was imported
    wait_for_supervisor(request.supervisor, intermediate);
    follow_supervisor(request.supervisor);
    ipc::ControlSocket control{Fd(request.worker_control_fd)};
    const bool greeted = control.send(ipc::Hello{.worker = request.worker}).has_value();
    (void)control.release().release();  // the service thread will own it
    if (!greeted) {
        end_quietly();  // the supervisor has closed its end: it does not want this worker any more
    }
}

// Reaps exactly this child. Returns the errno it ended with, 0 for success.
int wait_for_intermediate(pid_t pid) {
    int status = 0;
    while (::waitpid(pid, &status, 0) < 0) {
        if (errno != EINTR) {
            return errno == ECHILD ? 0 : errno;  // ECHILD: the application ignores SIGCHLD, the kernel has reaped it
        }
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : EAGAIN;
}

}  // namespace

void follow_supervisor(pid_t supervisor) {
    (void)::prctl(PR_SET_PDEATHSIG, SIGTERM);  // cannot fail for a valid signal
    if (::getppid() != supervisor) {
        end_quietly();  // it died before the call
    }
}

StopSignals StopSignals::ignore() {
    struct sigaction ignored {};

    ignored.sa_handler = SIG_IGN;
    StopSignals signals;
    for (std::size_t index = 0; index < kNumbers.size(); ++index) {
        (void)::sigaction(kNumbers[index], &ignored, &signals.before_[index]);  // cannot fail for these numbers
    }
    return signals;
}

void StopSignals::restore() const {
    for (std::size_t index = 0; index < kNumbers.size(); ++index) {
        (void)::sigaction(kNumbers[index], &before_[index], nullptr);
    }
}

std::optional<ForkedAs> fork_worker(const ForkRequest& request) {
    PyOS_BeforeFork();
    const pid_t intermediate = ::fork();
    if (intermediate == 0) {
        const pid_t self = ::getpid();
        const pid_t worker = ::fork();
        if (worker != 0) {
            ::_exit(worker > 0 ? 0 : errno);  // every errno of fork(2) fits into an exit status
        }
        become_worker(request, self);
        PyOS_AfterFork_Child();
        return ForkedAs::Worker;
    }
    const int fork_error = errno;
    PyOS_AfterFork_Parent();
    ::close(request.worker_control_fd);
    const int error = intermediate < 0 ? fork_error : wait_for_intermediate(intermediate);
    if (error != 0) {
        errno = error;
        PyErr_SetFromErrno(PyExc_OSError);
        return std::nullopt;
    }
    return ForkedAs::Zygote;
}

bool trial_fork() {
    PyOS_BeforeFork();
    const pid_t child = ::fork();
    if (child == 0) {
        ::_exit(0);
    }
    const int fork_error = errno;
    PyOS_AfterFork_Parent();
    const int error = child < 0 ? fork_error : wait_for_intermediate(child);
    if (error != 0) {
        errno = error;
        PyErr_SetFromErrno(PyExc_OSError);
    }
    return error == 0;
}

}  // namespace fettle::worker

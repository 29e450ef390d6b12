#include "worker/native/service_thread.h"

#include "base/exit_codes.h"
#include "ipc/scoreboard.h"
#include "worker/native/smaps.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <string>

namespace fettle::worker {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kHeartbeat{1};
constexpr std::chrono::seconds kPssInterval{30};

// ---- SIGTERM

// A signal handler has no argument of ours: the one piece of static state of the extension, set once per process.
std::atomic<int> term_wake_fd{-1};
std::atomic<pid_t> term_owner{0};

void on_term(int signal) {
    const int error = errno;
    if (::getpid() != term_owner.load(std::memory_order_relaxed)) {
        // A child that the application forked (multiprocessing): it inherited the handler, but must die of the signal,
        // and must not make its parent leave. The default action takes place when this handler returns.
        ::signal(signal, SIG_DFL);
        ::raise(signal);
    } else {
        const std::uint64_t one = 1;
        [[maybe_unused]] const ssize_t written =
                ::write(term_wake_fd.load(std::memory_order_relaxed), &one, sizeof(one));
    }
    errno = error;
}

Result<void> install_term_handler(int wake_fd) {
    struct sigaction current {};

    if (::sigaction(SIGTERM, nullptr, &current) != 0) {
        return errno_error("cannot read the handler of SIGTERM");
    }
    if (current.sa_handler != SIG_DFL) {
        return {};  // the application's own
    }
    term_wake_fd.store(wake_fd);
    term_owner.store(::getpid());

    struct sigaction action {};

    action.sa_handler = on_term;
    action.sa_flags = SA_RESTART;
    ::sigemptyset(&action.sa_mask);
    if (::sigaction(SIGTERM, &action, nullptr) != 0) {
        return errno_error("cannot set a handler for SIGTERM");
    }
    return {};
}

// ---- the thread

class ServiceThread {
  public:
    // The first measurement waits a little: it is not to stand between a new worker and its first request.
    ServiceThread(Worker& worker, std::chrono::nanoseconds graceful)
        : worker_(worker), graceful_(graceful), next_pss_(Clock::now() + kHeartbeat) {}

    [[noreturn]] void run();

  private:
    void wait();
    void on_control();
    void on_attach(ipc::Envelope& envelope);
    void on_end_of_socket();
    void on_wake();
    void beat();

    Worker& worker_;
    const std::chrono::nanoseconds graceful_;
    bool control_open_ = true;
    bool leaving_sent_ = false;
    std::optional<Clock::time_point> deadline_;
    Clock::time_point next_pss_;
    std::uint64_t last_pss_ = 0;
};

[[noreturn]] void die(const std::string& why) {
    const std::string line = "fettle: worker: " + why + "\n";
    [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
    ::_exit(static_cast<int>(ExitCode::Internal));
}

[[noreturn]] void ServiceThread::run() {
    while (true) {
        wait();
        beat();
        if (deadline_ && Clock::now() >= *deadline_) {
            ::_exit(static_cast<int>(ExitCode::Ok));
        }
    }
}

void ServiceThread::wait() {
    auto until = Clock::now() + kHeartbeat;
    if (deadline_) {
        until = std::min(until, *deadline_);
    }
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now());
    std::array<pollfd, 2> entries{{
            {.fd = worker_.wake_fd(), .events = POLLIN, .revents = 0},
            {.fd = control_open_ ? worker_.control().fd() : -1, .events = POLLIN, .revents = 0},  // poll(2) skips -1
    }};
    if (::poll(entries.data(), entries.size(), static_cast<int>(std::max<std::int64_t>(left.count(), 0))) <= 0) {
        return;
    }
    if (entries[0].revents != 0) {
        on_wake();
    }
    if (entries[1].revents != 0) {
        on_control();
    }
}

void ServiceThread::on_wake() {
    std::uint64_t count = 0;
    [[maybe_unused]] const ssize_t got = ::read(worker_.wake_fd(), &count, sizeof(count));
    const bool asked_by_us = worker_.take_leave_request();
    if (!leaving_sent_ && control_open_) {
        leaving_sent_ = true;
        const ipc::Leaving message{.worker = worker_.id(), .signal = asked_by_us ? 0U : std::uint32_t{SIGTERM}};
        (void)worker_.control().send(
                message);  // fails only if the supervisor is gone; the end of the socket comes next
    }
}

void ServiceThread::on_control() {
    ipc::Envelope envelope;
    switch (worker_.control().receive(envelope)) {
        case ipc::ControlSocket::Status::Empty:
            return;
        case ipc::ControlSocket::Status::Closed:
            on_end_of_socket();
            return;
        case ipc::ControlSocket::Status::Message:
            break;
    }
    if (envelope.type == ipc::MessageType::Attach) {
        on_attach(envelope);
    } else if (envelope.as<ipc::StopWorker>()) {
        if (!worker_.stop()) {
            ::_exit(static_cast<int>(ExitCode::Ok));
        }
    }
}

void ServiceThread::on_attach(ipc::Envelope& envelope) {
    const auto message = envelope.as<ipc::Attach>();
    if (!message) {
        die("the supervisor sent an Attach of another version");
    }
    if (auto attached = worker_.attach(*message, std::move(envelope.fds)); !attached) {
        die("cannot attach to the balancer: " + attached.error().message());
    }
}

void ServiceThread::on_end_of_socket() {
    control_open_ = false;
    deadline_ = Clock::now() + graceful_;
    if (!worker_.stop()) {
        ::_exit(static_cast<int>(ExitCode::Ok));
    }
}

void ServiceThread::beat() {
    const std::shared_ptr<Attachment> attachment = worker_.attachment();
    if (!attachment) {
        return;
    }
    const auto now = Clock::now();
    if (now >= next_pss_) {
        next_pss_ = now + kPssInterval;
        last_pss_ = own_pss_bytes();
    }
    worker_.nudge_main_thread();
    const auto since_boot = std::chrono::duration_cast<std::chrono::nanoseconds>(now.time_since_epoch());
    ipc::beat(attachment->channels->header(), static_cast<std::uint64_t>(since_boot.count()), last_pss_);
}

void* thread_main(void* argument) {
    const std::unique_ptr<ServiceThread> thread(static_cast<ServiceThread*>(argument));
    ::pthread_setname_np(::pthread_self(), "fettle-service");
    thread->run();
}

}  // namespace

Result<void> start_service_thread(Worker& worker, std::chrono::nanoseconds graceful) {
    FETTLE_CHECK_OK(install_term_handler(worker.wake_fd()));
    auto service = std::make_unique<ServiceThread>(worker, graceful);
    // Signals are for the main thread, where Python runs their handlers; the new thread inherits the mask of this one.
    sigset_t all;
    sigset_t before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_t thread{};
    const int error = ::pthread_create(&thread, nullptr, thread_main, service.get());
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    if (error != 0) {
        return errno_error("cannot start the service thread", error);
    }
    (void)service.release();  // the thread's now
    ::pthread_detach(thread);
    return {};
}

}  // namespace fettle::worker

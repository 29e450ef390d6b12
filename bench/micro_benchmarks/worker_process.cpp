#include "bench/micro_benchmarks/worker_process.h"

#include "base/assert.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <vector>

namespace fettle::micro {

namespace {

constexpr int kPatienceMilliseconds = 20'000;
constexpr ipc::WorkerId kWorker{.seat = 0, .incarnation = 1};
constexpr ipc::Geometry kGeometry{.threads = 1, .lanes = 2};

std::string boot_json(const std::string& target, int control_fd) {
    return R"({"role": "worker", "control_fd": )" + std::to_string(control_fd) + R"(, "target": ")" + target +
           R"(", "chdir": ")" FETTLE_MICRO_FOLDER R"(", "runtime": ")" FETTLE_MICRO_RUNTIME R"(", "supervisor_pid": )" +
           std::to_string(::getpid()) + R"(, "graceful_seconds": 1, "seat": 0, "incarnation": 1})";
}

}  // namespace

WorkerProcess::WorkerProcess(const std::string& target) {
    auto made = ipc::ChannelSet::create(
            {.seat = kWorker.seat, .worker_incarnation = kWorker.incarnation, .balancer_incarnation = 1}, kGeometry);
    FETTLE_ASSERT(made.has_value(), "channels can be made");
    channels_ = std::move(*made);
    start(target);
    expect<ipc::Hello>();
    attach();
    expect<ipc::Attached>();
    expect<ipc::Ready>();
}

WorkerProcess::~WorkerProcess() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
}

void WorkerProcess::start(const std::string& target) {
    auto pair = ipc::ControlSocket::make_pair();
    FETTLE_ASSERT(pair.has_value(), "a control socket can be made");
    control_ = std::move(pair->first);
    const Fd child_end = pair->second.release();
    const std::string json = boot_json(target, child_end.get());
    std::string python = FETTLE_MICRO_PYTHON;
    std::string boot = FETTLE_MICRO_RUNTIME "/fettle/boot.py";
    std::string argument = json;
    std::string environment = "PYTHONDONTWRITEBYTECODE=1";
    char* const arguments[] = {python.data(), boot.data(), argument.data(), nullptr};
    char* const variables[] = {environment.data(), nullptr};
    pid_ = ::fork();
    FETTLE_ASSERT(pid_ >= 0, "a process can be forked");
    if (pid_ == 0) {
        ::fcntl(child_end.get(), F_SETFD, 0);
        ::execve(arguments[0], arguments, variables);
        ::_exit(127);
    }
}

void WorkerProcess::attach() {
    const auto fds = channels_->duplicate_fds();
    FETTLE_ASSERT(fds.has_value(), "channels can be handed out");
    std::vector<int> numbers{fds->request_file.get(), fds->response_file.get()};
    for (const auto* bells : {&fds->lane_bells, &fds->thread_bells}) {
        for (const Fd& bell : *bells) {
            numbers.push_back(bell.get());
        }
    }
    const ipc::Attach message{.worker = kWorker,
                              .balancer_incarnation = 1,
                              .threads = kGeometry.threads,
                              .lanes = kGeometry.lanes,
                              .slots = 1};
    FETTLE_ASSERT(control_.send(message, numbers).has_value(), "the worker listens");
}

template <class Message>
void WorkerProcess::expect() {
    pollfd entry{.fd = control_.fd(), .events = POLLIN, .revents = 0};
    FETTLE_ASSERT(::poll(&entry, 1, kPatienceMilliseconds) == 1, "the worker says something in time");
    ipc::Envelope envelope;
    FETTLE_ASSERT(control_.receive(envelope) == ipc::ControlSocket::Status::Message, "the worker lives");
    FETTLE_ASSERT(envelope.as<Message>().has_value(), "the worker says what comes next");
}

std::chrono::nanoseconds WorkerProcess::cpu_time() const {
    clockid_t clock{};
    FETTLE_ASSERT(::clock_getcpuclockid(pid_, &clock) == 0, "the worker lives");
    timespec time{};
    FETTLE_ASSERT(::clock_gettime(clock, &time) == 0, "the worker lives");
    return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

}  // namespace fettle::micro

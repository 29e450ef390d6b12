#include "supervisor/check.h"

#include "base/clock.h"
#include "supervisor/process/exit_info.h"
#include "supervisor/process/pidfd.h"
#include "supervisor/process/python_process.h"
#include "supervisor/process/spawner.h"

#include <fmt/format.h>

#include <poll.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <string_view>

namespace fettle::supervisor {

namespace {

using std::chrono::steady_clock;

// Kills and reaps the scratch process, whatever becomes of the check.
class Scratch {
  public:
    explicit Scratch(Spawned spawned) : spawned_(std::move(spawned)) {}

    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;

    ~Scratch() {
        if (!exit_) {
            send(SIGKILL);
            wait();
        }
    }

    [[nodiscard]] int pidfd() const { return spawned_.pidfd.get(); }

    [[nodiscard]] int report() const { return spawned_.report.get(); }

    void send(int signal) {
        sent_.set(static_cast<std::size_t>(signal));
        (void)pidfd_send_signal(spawned_.pidfd.get(), signal);  // it may be dead already
    }

    // Blocks until it is dead.
    const ExitInfo& wait() {
        if (!exit_) {
            siginfo_t info{};
            while (::waitid(P_PIDFD, static_cast<id_t>(spawned_.pidfd.get()), &info, WEXITED) != 0 && errno == EINTR) {
            }
            exit_ = ExitInfo::from(info, sent_);
        }
        return *exit_;
    }

  private:
    Spawned spawned_;
    ExitInfo::Signals sent_;
    std::optional<ExitInfo> exit_;
};

// Waits for a message, the child's end, or the deadline; true unless the deadline has passed.
bool wait_for_child(int control, int pidfd, TimePoint deadline) {
    pollfd waiting[] = {{.fd = control, .events = POLLIN, .revents = 0}, {.fd = pidfd, .events = POLLIN, .revents = 0}};
    for (;;) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - steady_clock::now()).count();
        const int ready = ::poll(waiting, 2, static_cast<int>(std::clamp<std::int64_t>(left, 0, 1 << 30)));
        if (ready > 0) {
            return true;
        }
        if (ready == 0 || errno != EINTR) {
            return false;
        }
    }
}

void read_ready(const ipc::ZygoteReady& message, CheckReport& report) {
    const std::string_view text = message.text.view();
    const std::size_t line_end = std::min(text.find('\n'), text.size());
    report.ok = true;
    report.interpreter = text.substr(0, line_end);
    report.import_time = std::chrono::milliseconds(message.import_ms);
    report.tasks = message.tasks;
    report.thread_names = text.substr(std::min(line_end + 1, text.size()));
}

void fail(CheckReport& report, ipc::LoadStage stage, std::string text) {
    report.ok = false;
    report.exit_code = stage == ipc::LoadStage::Runtime ? ExitCode::Interpreter : ExitCode::AppLoad;
    report.stage = stage;
    report.text = std::move(text);
}

// True if it said how the import ended.
bool read_verdict(const ipc::ControlSocket& control, CheckReport& report) {
    ipc::Envelope envelope;
    if (control.receive(envelope) != ipc::ControlSocket::Status::Message) {
        return false;
    }
    if (const auto ready = envelope.as<ipc::ZygoteReady>()) {
        read_ready(*ready, report);
        return true;
    }
    if (const auto failed = envelope.as<ipc::LoadFailed>()) {
        fail(report, failed->stage, std::string(failed->text.view()));
        return true;
    }
    return false;
}

// Shells and loaders end with 126 and 127 when they cannot run a program, boot.py with our own code when it finds
// itself in an interpreter that is too old.
bool ended_without_python(int code) {
    return code == 126 || code == 127 || code == static_cast<int>(ExitCode::Interpreter);
}

void explain_silence(Scratch& scratch, const SpawnRequest& request, CheckReport& report) {
    const ExitInfo& exit = scratch.wait();
    if (const auto failure = read_failure(scratch.report())) {
        fail(report, ipc::LoadStage::Runtime, describe(*failure, request) + "; correct python.gil or --python");
    } else if (ended_without_python(exit.exit_code().value_or(0))) {
        fail(report, ipc::LoadStage::Runtime,
             "'" + request.arguments.front() + "' ended before it could import anything: " + describe(exit) +
                     "; is it CPython 3.11 or newer? Correct python.gil or --python");
    } else {
        fail(report, ipc::LoadStage::Import,
             "the interpreter ended during the import of the application: " + describe(exit) +
                     " (what it printed is above)");
    }
}

}  // namespace

Result<CheckReport> check_application(const config::Config& config, const std::string& runtime_directory) {
    CheckReport report;
    auto python = find_python(config, runtime_directory);
    if (!python) {
        fail(report, ipc::LoadStage::Runtime, python.error().message());
        return report;
    }
    report.interpreter_path = python->interpreter;
    FETTLE_TRY(pair, ipc::ControlSocket::make_pair());
    const SpawnRequest request = python_request(*python, PythonRole::Check, pair.second.fd());
    FETTLE_TRY(spawned, spawn(request));
    Scratch scratch(std::move(spawned));
    pair.second = ipc::ControlSocket();  // so that its end shows

    const auto start = std::chrono::duration_cast<Duration>(config.timeouts.start);
    const bool in_time = wait_for_child(pair.first.fd(), scratch.pidfd(), steady_clock::now() + start);
    if (!in_time) {
        fail(report, ipc::LoadStage::Import,
             fmt::format("the import of the application took longer than {:g} s; if it needs longer, raise "
                         "timeouts.start",
                         config.timeouts.start.count()));
        return report;
    }
    if (!read_verdict(pair.first, report)) {
        explain_silence(scratch, request, report);
        return report;
    }
    // It exits by itself; exit handlers of the application get a moment.
    const auto term = std::chrono::duration_cast<Duration>(config.timeouts.term);
    (void)wait_for_child(scratch.pidfd(), scratch.pidfd(), steady_clock::now() + term);
    return report;
}

}  // namespace fettle::supervisor

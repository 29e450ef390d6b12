// Plays the balancer, the zygote and the workers for app_test.cpp, with the faults that real ones show rarely. What it
// does wrong is named in app.target, words joined by "+":
//
//   interpreter   threads            two tasks are left after the import
//                 no-import, no-runtime, crash-import, hang-import
//                 fork-fails         the zygote answers ForkFailed
//                 zygote-dies        at the first request to fork; the file named by FETTLE_FAKE_MARK makes it the
//                 first zygote-hangs       likewise: it does not fork
//   worker        dies               before Ready
//                 mute               never Ready
//                 deaf               ignores StopWorker and SIGTERM
//                 rude               says Ready before Hello
//                 stranger           says Hello for another seat
//                 busy               has answered a request as soon as it is attached
//   balancer      refuses            leaves with exit code 7
//                 garbles            sends channels without descriptors
//                 unquiet            never answers Quiesced
#include "ipc/control.h"
#include "ipc/layout.h"
#include "ipc/segment.h"

#include <nlohmann/json.hpp>

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <set>
#include <string>

using namespace fettle;
using namespace fettle::ipc;

namespace {

std::string g_faults;

bool fault(const std::string& word) {
    return ("+" + g_faults + "+").find("+" + word + "+") != std::string::npos;
}

// True the first time only, over all processes of one test.
bool first_time() {
    const char* mark = std::getenv("FETTLE_FAKE_MARK");
    return mark != nullptr && Fd(::open(mark, O_CREAT | O_EXCL | O_CLOEXEC, 0600)).valid();
}

[[noreturn]] void hang() {
    for (;;) {
        ::pause();
    }
}

template <class Message>
void must_send(const ControlSocket& control, const Message& message, std::span<const int> fds = {}) {
    if (!control.send(message, fds)) {
        ::_exit(0);  // the supervisor is gone
    }
}

// The next message; ends the process at the end of the socket.
Envelope next_message(const ControlSocket& control) {
    Envelope envelope;
    for (;;) {
        switch (control.receive(envelope)) {
            case ControlSocket::Status::Message:
                return envelope;
            case ControlSocket::Status::Empty:
                continue;
            case ControlSocket::Status::Closed:
                ::_exit(0);
        }
    }
}

// ---- worker

// In the scoreboard, as the supervisor sees it.
void answer_a_request(int response_file) {
    const auto segment = Segment::map(response_file, kPage + sizeof(LaneScore), Access::ReadWrite);
    if (segment) {
        reinterpret_cast<LaneScore*>(segment->data() + kPage)->finished.store(1);
    }
}

[[noreturn]] void work(const ControlSocket& control, WorkerId id) {
    if (fault("deaf")) {
        ::signal(SIGTERM, SIG_IGN);
    }
    if (fault("rude")) {
        must_send(control, Ready{.worker = id});
    }
    if (fault("stranger")) {
        must_send(control, Hello{.worker = {id.seat + 1, id.incarnation}});
        hang();
    }
    must_send(control, Hello{.worker = id});
    if (fault("dies")) {
        ::_exit(9);
    }
    bool said_ready = fault("mute");
    for (;;) {
        const Envelope envelope = next_message(control);
        if (const auto attach = envelope.as<Attach>()) {
            if (fault("busy")) {
                answer_a_request(envelope.fds.at(1).get());
            }
            must_send(control, Attached{.worker = id, .balancer_incarnation = attach->balancer_incarnation});
            if (!said_ready) {
                said_ready = true;
                must_send(control, Ready{.worker = id});
            }
        } else if (envelope.as<StopWorker>() && !fault("deaf")) {
            ::_exit(0);
        }
    }
}

// ---- zygote

void fork_worker(const ControlSocket& control, Envelope& envelope, const ForkWorker& request, pid_t supervisor) {
    if (fault("fork-fails")) {
        must_send(control, ForkFailed{.worker = request.worker, .error = EAGAIN});
        return;
    }
    if (fault("zygote-dies") && first_time()) {
        ::_exit(1);
    }
    if (fault("zygote-hangs") && first_time()) {
        hang();
    }
    const pid_t intermediate = ::fork();
    if (intermediate == 0) {
        if (::fork() != 0) {
            ::_exit(0);
        }
        const ControlSocket worker(std::move(envelope.fds.at(0)));
        ::close(control.fd());
        while (::getppid() != supervisor) {
            ::usleep(200);
        }
        ::prctl(PR_SET_PDEATHSIG, SIGTERM);
        work(worker, request.worker);
    }
    ::waitpid(intermediate, nullptr, 0);
}

void set_text(ControlText& text, const std::string& value) {
    text.set(value);
}

void import(const ControlSocket& control) {
    if (fault("hang-import")) {
        hang();
    }
    if (fault("crash-import")) {
        ::signal(SIGSEGV, SIG_DFL);
        ::raise(SIGSEGV);
    }
    if (fault("no-import") || fault("no-runtime")) {
        LoadFailed failed;
        failed.stage = fault("no-runtime") ? LoadStage::Runtime : LoadStage::Import;
        set_text(failed.text, "Traceback: no module named 'shop'");
        must_send(control, failed);
        ::_exit(4);
    }
}

void say_ready(const ControlSocket& control) {
    ZygoteReady ready;
    ready.tasks = fault("threads") ? 2 : 1;
    ready.import_ms = 12;
    set_text(ready.text, fault("threads") ? "FakePython 1.0\nbackground" : "FakePython 1.0");
    must_send(control, ready);
}

[[noreturn]] void play_python(const nlohmann::json& boot) {
    g_faults = boot.at("target");
    const ControlSocket control(Fd(boot.at("control_fd").get<int>()));
    const std::string role = boot.at("role");
    if (role == "worker") {
        work(control, {boot.at("seat"), boot.at("incarnation")});
    }
    import(control);
    say_ready(control);
    if (role == "check") {
        ::_exit(0);
    }
    for (;;) {
        Envelope envelope = next_message(control);
        if (const auto request = envelope.as<ForkWorker>()) {
            fork_worker(control, envelope, *request, boot.at("supervisor_pid"));
        }
    }
}

// ---- balancer

void prepare(const ControlSocket& control, const PrepareWorker& message, std::uint32_t incarnation) {
    const Geometry geometry{.threads = 1, .lanes = message.slots + message.spares};
    std::vector<Fd> fds;
    fds.push_back(*create_memory_file("fake-request", request_file_bytes(geometry)));
    fds.push_back(*create_memory_file("fake-response", response_file_bytes(geometry)));
    (void)seal_size(fds[1].get());
    while (fds.size() < std::size_t{2} + geometry.lanes + geometry.threads) {
        fds.emplace_back(::eventfd(0, EFD_CLOEXEC));
    }
    std::vector<int> numbers;
    for (const Fd& fd : fds) {
        numbers.push_back(fd.get());
    }
    if (fault("garbles") && incarnation == 1) {
        numbers.clear();
    }
    must_send(control,
              WorkerPrepared{.worker = message.worker,
                             .balancer_incarnation = incarnation,
                             .threads = 1,
                             .lanes = geometry.lanes},
              numbers);
}

[[noreturn]] void play_balancer(int argc, char** argv) {
    nlohmann::json options;
    for (int index = 2; index + 1 < argc; index += 2) {
        options[argv[index]] = argv[index + 1];
    }
    const int config_fd = std::stoi(options.at("--config-fd").get<std::string>());
    std::string config(1 << 16, '\0');
    const ssize_t got = ::read(config_fd, config.data(), config.size());
    config.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    g_faults = nlohmann::json::parse(config).at("app").at("target");
    if (fault("refuses")) {
        ::_exit(7);
    }
    const auto incarnation = static_cast<std::uint32_t>(std::stoul(options.at("--incarnation").get<std::string>()));
    const ControlSocket control(Fd(std::stoi(options.at("--control-fd").get<std::string>())));
    must_send(control, BalancerReady{.balancer_incarnation = incarnation});
    std::set<std::uint32_t> serving;
    for (;;) {
        const Envelope envelope = next_message(control);
        if (const auto message = envelope.as<PrepareWorker>()) {
            prepare(control, *message, incarnation);
        } else if (const auto drain = envelope.as<DrainWorker>()) {
            must_send(control, WorkerDrained{.worker = drain->worker});
        } else if (envelope.as<StopAccepting>() && !fault("unquiet")) {
            must_send(control, Quiesced{});
        }
    }
}

}  // namespace

int main(int argc, char** argv) {
    if (argc > 2 && std::string(argv[1]) == "balancer") {
        play_balancer(argc, argv);
    }
    play_python(nlohmann::json::parse(argv[argc - 1]));
}

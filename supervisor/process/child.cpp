#include "supervisor/process/child.h"

#include "base/log.h"

#include <cerrno>
#include <csignal>
#include <utility>

namespace fettle::supervisor {

std::string name_of(const core::Ref& who) {
    switch (who.role) {
        case core::Role::Worker:
            return "worker seat=" + std::to_string(who.id.seat);
        case core::Role::Balancer:
            return "balancer";
        case core::Role::Zygote:
            return "zygote";
    }
    return "";
}

Child::Child(Surroundings& surroundings, core::Ref who)
    : surroundings_(surroundings), who_(who), spawned_(surroundings.clock.now()) {}

Result<void> Child::open_control(ipc::ControlSocket socket) {
    FETTLE_TRY(link, ControlLink::open(surroundings_.loop, std::move(socket),
                                       {.message = [this](ipc::Envelope& envelope) { on_message(envelope); },
                                        .closed = [this] { on_closed(); },
                                        .stalled = [this] { stopped_reading("nothing for 10 s"); }}));
    link_ = std::move(link);
    return {};
}

Result<void> Child::exec(const SpawnRequest& request) {
    FETTLE_TRY(spawned, spawn(request));
    last_pid_ = spawned.pid;
    start_report_ = std::move(spawned.report);
    request_ = request;
    FETTLE_TRY(process, Process::adopt(surroundings_.loop, surroundings_.reaper, spawned.pid, std::move(spawned.pidfd),
                                       [this](const ExitInfo& info) { on_exited(info); }));
    process_ = std::move(process);
    return {};
}

Result<void> Child::adopt(pid_t pid) {
    FETTLE_TRY(process, Process::adopt(surroundings_.loop, surroundings_.reaper, pid,
                                       [this](const ExitInfo& info) { on_exited(info); }));
    process_ = std::move(process);
    last_pid_ = pid;
    return {};
}

bool Child::look_alive() {
    if (alive()) {
        process_->reap_if_dead();
    }
    return alive();
}

void Child::signal(int number) {
    if (process_ == nullptr) {
        return;
    }
    if (const auto sent = process_->send_signal(number); !sent) {
        log::error("{} pid={}: {}", name_of(who_), last_pid_, sent.error().message());
    }
}

void Child::close_control() {
    if (link_ != nullptr) {
        link_->close();
    }
}

void Child::read_control() {
    if (link_ != nullptr) {
        link_->read_rest();
    }
}

void Child::on_closed() {
    post(core::input::Closed{who_});
}

void Child::broke_protocol(const char* what) {
    log::error("{} pid={} broke the protocol: {}; it is killed", name_of(who_), last_pid_, what);
    post(core::input::Broken{who_});
}

void Child::keep_load_failure(const ipc::LoadFailed& message) {
    load_failed_ = message.stage == ipc::LoadStage::Runtime ? ExitCode::Interpreter : ExitCode::AppLoad;
    log::error("{} pid={} cannot load the application: {}", name_of(who_), last_pid_, message.text.view());
}

void Child::send_failed(const Error& error) {
    if (error.code.value() == EAGAIN) {
        stopped_reading(error.message());
    } else {
        log::debug("{} pid={}: {}", name_of(who_), last_pid_, error.message());
    }
}

void Child::stopped_reading(const std::string& what) {
    log::error("{} pid={} does not read its control socket ({}); it is killed", name_of(who_), last_pid_, what);
    post(core::input::Broken{who_});
}

void Child::on_exited(const ExitInfo& info) {
    read_control();  // what it said before its death comes first
    exit_info_ = info;
    if (start_report_.valid()) {
        if (const auto failure = read_failure(start_report_.get())) {
            exit_info_.start_failure = describe(*failure, *request_);
        }
    }
    const bool was_killed = info.signalled && info.code == SIGKILL && !info.signal_was_ours;
    exit_info_.out_of_memory = was_killed && surroundings_.out_of_memory.has_risen();

    core::input::Exited exited{.who = who_, .did_its_work = did_its_work(), .load_failed = load_failed_};
    if (!exit_info_.start_failure.empty()) {
        // It is no program's exit code. Python that cannot be executed is a matter of the interpreter.
        exited.exit_code = static_cast<int>(ExitCode::Internal);
        exited.load_failed = ExitCode::Interpreter;
    } else {
        exited.exit_code = exit_info_.exit_code();
    }
    post(exited);
}

}  // namespace fettle::supervisor

// Child: what the balancer, the zygote and the workers have in common: a control socket, a process, an end.
//
// Whatever happens to it is posted as an input of the pool (core/pool_io.h); the pool decides. A Child is destroyed by
// the App when the pool releases it, never in one of its own callbacks.
#pragma once

#include "base/clock.h"
#include "base/exit_codes.h"
#include "loop/loop.h"
#include "supervisor/core/pool_io.h"
#include "supervisor/process/control_link.h"
#include "supervisor/process/exit_info.h"
#include "supervisor/process/process.h"
#include "supervisor/process/spawner.h"

#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace fettle::supervisor {

class Reaper;

// What every child works with; owned by the App, outlives all children.
struct Surroundings {
    loop::Loop& loop;
    Reaper& reaper;
    const Clock& clock;
    OomCounter& out_of_memory;
    std::function<void(const core::Input&)> post;
};

class Child {
  public:
    Child(Surroundings& surroundings, core::Ref who);
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;
    virtual ~Child() = default;

    [[nodiscard]] const core::Ref& who() const { return who_; }

    [[nodiscard]] pid_t pid() const { return last_pid_; }  // also after its death, for the log; 0: not known

    // As far as is known; look_alive() asks the kernel, and posts the death it may find.
    [[nodiscard]] bool alive() const { return process_ != nullptr && process_->pid() != 0; }

    [[nodiscard]] bool look_alive();

    [[nodiscard]] Duration age() const { return surroundings_.clock.now() - spawned_; }

    [[nodiscard]] const ExitInfo& exit_info() const { return exit_info_; }

    // It said LoadFailed.
    [[nodiscard]] std::optional<ExitCode> load_failed() const { return load_failed_; }

    // Without effect on a child whose pid is not known yet, or that is dead.
    void signal(int number);
    void close_control();
    // Reads what waits in its control socket, for a pid that a Hello may bring (Reaper).
    void read_control();

  protected:
    // Our end of the control socket; messages arrive from the next turn of the loop on.
    Result<void> open_control(ipc::ControlSocket socket);
    // Starts the program; it is adopted at once.
    Result<void> exec(const SpawnRequest& request);
    // The process behind a Hello.
    Result<void> adopt(pid_t pid);

    virtual void on_message(ipc::Envelope& envelope) = 0;
    virtual void on_closed();

    [[nodiscard]] virtual bool did_its_work() const { return false; }

    // False: it was not sent. A child that does not read is broken, which is posted; one that is gone will be noticed
    // by its end.
    template <class Message>
    bool send(const Message& message, std::span<const int> fds = {}) {
        const auto sent = link_->send(message, fds);
        if (!sent) {
            send_failed(sent.error());
        }
        return sent.has_value();
    }

    void post(const core::Input& input) { surroundings_.post(input); }

    void broke_protocol(const char* what);
    void keep_load_failure(const ipc::LoadFailed& message);

  private:
    void send_failed(const Error& error);
    void stopped_reading(const std::string& what);
    void on_exited(const ExitInfo& info);

    Surroundings& surroundings_;
    core::Ref who_;
    TimePoint spawned_;
    std::unique_ptr<ControlLink> link_;
    std::unique_ptr<Process> process_;
    pid_t last_pid_ = 0;
    std::optional<SpawnRequest> request_;  // of an exec, to explain its failure
    Fd start_report_;
    ExitInfo exit_info_;
    std::optional<ExitCode> load_failed_;
};

// "worker seat=3", "balancer", "zygote": the beginning of a line in the log.
[[nodiscard]] std::string name_of(const core::Ref& who);

}  // namespace fettle::supervisor

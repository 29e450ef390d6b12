// The zygote: a Python process that imported the application once and forks the workers; never serves.
#pragma once

#include "supervisor/process/child.h"
#include "supervisor/process/python_process.h"

#include <memory>

namespace fettle::supervisor {

class ZygoteProcess final : public Child {
  public:
    // An Error: it could not be started; there is no process.
    static Result<std::unique_ptr<ZygoteProcess>> start(Surroundings& surroundings, core::Ref who,
                                                        const PythonSetup& python);

    // Asks for a worker whose end of the control socket is `control`. False: it cannot be asked; it is broken or gone.
    [[nodiscard]] bool fork_worker(core::WorkerId worker, const ipc::ControlSocket& control);

    // A worker of this zygote has said Hello: it is a zygote that works.
    void has_forked() { has_forked_ = true; }

  private:
    using Child::Child;
    void on_message(ipc::Envelope& envelope) override;

    [[nodiscard]] bool did_its_work() const override { return has_forked_; }

    void ready(const ipc::ZygoteReady& message);

    bool has_forked_ = false;
};

}  // namespace fettle::supervisor

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

  private:
    using Child::Child;
    void on_message(ipc::Envelope& envelope) override;
    void ready(const ipc::ZygoteReady& message);
};

}  // namespace fettle::supervisor

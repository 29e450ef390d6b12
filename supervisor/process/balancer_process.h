// The balancer as the supervisor sees it: the process that holds the clients' connections.
#pragma once

#include "supervisor/process/child.h"

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace fettle::supervisor {

class BalancerProcess final : public Child {
  public:
    struct Setup {
        std::string executable;
        std::string config_json;     // of the effective configuration
        std::vector<int> listeners;  // descriptors; stay ours
    };

    // The channels of a worker: descriptors as in ipc::Attach.
    using Prepared = std::function<void(const ipc::WorkerPrepared&, std::vector<Fd>)>;

    // Whether a worker has completed a response on this balancer's channels.
    using Served = std::function<bool()>;

    // `prepared` is called for each WorkerPrepared, before its input is posted. An Error: it could not be started.
    static Result<std::unique_ptr<BalancerProcess>> start(Surroundings& surroundings, core::Ref who, const Setup& setup,
                                                          Prepared prepared, Served served);

    template <class Message>
    void tell(const Message& message) {
        (void)send(message);  // a failure is reported there
    }

  private:
    BalancerProcess(Surroundings& surroundings, core::Ref who, Prepared prepared, Served served);
    void on_message(ipc::Envelope& envelope) override;

    [[nodiscard]] bool did_its_work() const override { return served_(); }

    void channels_arrived(const ipc::WorkerPrepared& message, std::vector<Fd> fds);

    Prepared prepared_;
    Served served_;
};

}  // namespace fettle::supervisor

// One incarnation of a seat as the supervisor sees it.
#pragma once

#include "ipc/scoreboard.h"
#include "supervisor/process/child.h"
#include "supervisor/process/python_process.h"

#include <functional>
#include <memory>
#include <vector>

namespace fettle::supervisor {

class ZygoteProcess;

class WorkerProcess final : public Child {
  public:
    // Asks the zygote for a fork; the worker's Hello tells its pid. The zygote must outlive the start, not the worker.
    // `zygote_lives`: asked when the control socket ends before the Hello: whose fault was it?
    static Result<std::unique_ptr<WorkerProcess>> fork(Surroundings& surroundings, core::Ref who, ZygoteProcess& zygote,
                                                       std::function<bool()> zygote_lives);
    // Starts an interpreter of its own.
    static Result<std::unique_ptr<WorkerProcess>> start(Surroundings& surroundings, core::Ref who,
                                                        const PythonSetup& python);

    // The channels that the balancer made; kept until attach().
    void keep_channels(const ipc::WorkerPrepared& message, std::vector<Fd> fds);
    // Forwards them: `slots` of their lanes are to run. Our copies are closed.
    void attach(std::uint32_t slots);
    void stop();

    // Requests that the application has ended, by the worker's own count, over all its channels.
    [[nodiscard]] std::uint64_t served() const;
    // Whether there is one among them that came through this incarnation of the balancer.
    [[nodiscard]] bool served_through(std::uint32_t balancer) const;

  private:
    using Child::Child;
    void on_message(ipc::Envelope& envelope) override;
    void on_closed() override;

    [[nodiscard]] bool did_its_work() const override { return served() > 0; }

    [[nodiscard]] bool make_known(pid_t sender);

    struct Channels {
        ipc::WorkerPrepared description;
        std::vector<Fd> fds;
    };

    std::function<bool()> zygote_lives_;  // of a forked one
    std::optional<Channels> channels_;
    std::optional<ipc::ScoreboardReader> scoreboard_;  // of the present channels
    std::uint32_t balancer_ = 0;                       // the incarnation that made them
    std::uint64_t served_before_ = 0;                  // on earlier ones
};

}  // namespace fettle::supervisor

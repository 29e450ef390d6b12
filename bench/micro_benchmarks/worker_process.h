// A real worker process of this build's runtime, with this process as its supervisor and balancer.
#pragma once

#include "bench/micro_benchmarks/channel_ends.h"
#include "ipc/control.h"

#include <sys/types.h>

#include <chrono>
#include <memory>
#include <string>

namespace fettle::micro {

class WorkerProcess {
  public:
    // Serves `target` (a module of bench/micro_benchmarks) with one slot; returns when it is ready.
    explicit WorkerProcess(const std::string& target);
    WorkerProcess(const WorkerProcess&) = delete;
    WorkerProcess& operator=(const WorkerProcess&) = delete;
    ~WorkerProcess();

    [[nodiscard]] ipc::BalancerChannel& channel() { return channels_->channel(0, 0); }

    [[nodiscard]] ipc::ChannelSet& channels() { return *channels_; }

    // User and system time of all its threads so far.
    [[nodiscard]] std::chrono::nanoseconds cpu_time() const;

  private:
    void start(const std::string& target);
    void attach();
    template <class Message>
    void expect();

    std::unique_ptr<ipc::ChannelSet> channels_;
    ipc::ControlSocket control_;
    pid_t pid_ = -1;
};

}  // namespace fettle::micro

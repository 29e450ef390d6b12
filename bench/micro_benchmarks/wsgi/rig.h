// A slot as run_slot() makes it, driven request by request, with the balancer's end of its channel in the same process.
#pragma once

#include "bench/micro_benchmarks/channel_ends.h"
#include "worker/native/slot.h"

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

namespace fettle::micro {

// The module `_fettle`, loaded from this same library. Never null.
[[nodiscard]] worker::ModuleState& fettle_module();

// An attribute of bench/micro_benchmarks/application.py. Never null.
[[nodiscard]] py::Ref load_application(const char* name);

class Rig {
  public:
    explicit Rig(py::Ref application);
    Rig(const Rig&) = delete;
    Rig& operator=(const Rig&) = delete;
    ~Rig();

    [[nodiscard]] worker::Slot& slot() { return *slot_; }

    void push(std::span<const std::byte> record) { (void)push_request(ends_.front(), record); }

    // The next request runs.
    void take();

    void harvest() { (void)harvest_response(ends_.front()); }

  private:
    ChannelEnds ends_;
    worker::Worker* worker_;  // both for the life of the process, as in a worker
    worker::Slot* slot_;
};

}  // namespace fettle::micro

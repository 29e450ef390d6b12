// The channels of a worker with one balancer incarnation.
#pragma once

#include "ipc/worker_channel.h"

#include <atomic>
#include <memory>

namespace fettle::worker {

// Owned together, by shared_ptr, by the Worker (which hands it to the slots) and by every slot that still runs a
// request of it: after a balancer crash the last of these slots, not the service thread, is the one that may unmap it.
struct Attachment {
    explicit Attachment(std::unique_ptr<ipc::WorkerChannelSet> set) : channels(std::move(set)) {}

    std::unique_ptr<ipc::WorkerChannelSet> channels;
    // Set by the service thread: the balancer is gone, nobody grants credit, sends bodies or reads responses.
    std::atomic<bool> abandoned{false};
};

}  // namespace fettle::worker

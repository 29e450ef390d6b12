// Worker: one worker incarnation as all balancer threads see it.
//
// Owners: the control side and every thread that has a lane of it, until each has buried it; the last one unmaps its
// channels. All members but the atomics are written before the object is shared.
#pragma once

#include "balancer/queue/pool_queue.h"
#include "ipc/balancer_channel.h"
#include "ipc/control.h"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>

namespace fettle::balancer {

struct Worker;

// A lane as the queue sees it.
struct WorkerSlot : queue::Slot {
    Worker* worker = nullptr;
    std::uint32_t lane = 0;
};

struct Worker {
    ipc::WorkerId id;
    std::unique_ptr<ipc::ChannelSet> channels;
    std::deque<WorkerSlot> slots;      // of the first lanes; the rest are spares. A deque: they cannot move
    std::uint64_t quota = 0;           // dispatched requests until QuotaSpent; 0: never
    std::atomic<std::int32_t> pid{0};  // known when it is served
    std::atomic<std::uint64_t> dispatched{0};
    std::atomic<bool> draining{false};
    std::atomic<bool> drained{false};  // WorkerDrained was reported
    std::atomic<bool> broken{false};   // it broke the protocol: nothing of it is read or believed any more

    [[nodiscard]] bool idle(const queue::PoolQueue& queue) const {
        return std::all_of(slots.begin(), slots.end(),
                           [&](const WorkerSlot& slot) { return queue.in_flight(slot) == 0; });
    }
};

}  // namespace fettle::balancer

// Both ends of a worker's channels in this process, and the two ways through them.
#pragma once

#include "ipc/balancer_channel.h"
#include "ipc/worker_channel.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace fettle::micro {

struct ChannelEnds {
    ChannelEnds();

    [[nodiscard]] ipc::BalancerChannel& front() { return balancer->channel(0, 0); }

    [[nodiscard]] ipc::WorkerLane& lane() { return worker->lane(0); }

    [[nodiscard]] ipc::WorkerChannel& back() { return lane().channel(0); }

    std::unique_ptr<ipc::ChannelSet> balancer;
    std::unique_ptr<ipc::WorkerChannelSet> worker;
};

// Pushes `record` as a complete request, as the balancer does.
ipc::RequestKey push_request(ipc::BalancerChannel& channel, std::span<const std::byte> record);

// Takes the next response message, which must be there and end its request. Returns its length in bytes.
std::size_t harvest_response(ipc::BalancerChannel& channel);

// Publishes `record` as the whole response to `key`.
void publish_response(ipc::WorkerChannel& channel, ipc::RequestKey key, std::span<const std::byte> record);

}  // namespace fettle::micro

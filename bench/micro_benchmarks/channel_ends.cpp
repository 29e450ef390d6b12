#include "bench/micro_benchmarks/channel_ends.h"

#include "base/assert.h"

#include <cstring>
#include <utility>

namespace fettle::micro {

ChannelEnds::ChannelEnds() {
    constexpr ipc::Geometry kGeometry{.threads = 1, .lanes = 1};
    const ipc::ChannelSet::Identity identity{.seat = 0, .worker_incarnation = 1, .balancer_incarnation = 1};
    auto made = ipc::ChannelSet::create(identity, kGeometry);
    FETTLE_ASSERT(made.has_value(), "channels can be made");
    auto fds = (*made)->duplicate_fds();
    FETTLE_ASSERT(fds.has_value(), "channels can be handed out");
    auto mapped = ipc::WorkerChannelSet::map(std::move(*fds), identity, kGeometry);
    FETTLE_ASSERT(mapped.has_value(), "a worker can map its channels");
    balancer = std::move(*made);
    worker = std::move(*mapped);
}

ipc::RequestKey push_request(ipc::BalancerChannel& channel, std::span<const std::byte> record) {
    const auto bytes = static_cast<std::uint32_t>(record.size());
    FETTLE_ASSERT(channel.can_push_request(bytes), "the batch fits the ring");
    const std::span<std::byte> space = channel.reserve(bytes);
    std::memcpy(space.data(), record.data(), bytes);
    return channel.push_request(bytes, true, 1);
}

std::size_t harvest_response(ipc::BalancerChannel& channel) {
    ipc::ResponseMessage message;
    FETTLE_ASSERT(channel.peek(message) == ipc::BalancerChannel::Peek::Message && message.last, "a response is there");
    const std::size_t bytes = message.payload.size();
    channel.pop();
    return bytes;
}

void publish_response(ipc::WorkerChannel& channel, ipc::RequestKey key, std::span<const std::byte> record) {
    const auto bytes = static_cast<std::uint32_t>(record.size());
    FETTLE_ASSERT(channel.writable() >= bytes, "the batch fits the arena");
    const std::span<std::byte> space = channel.reserve(bytes);
    std::memcpy(space.data(), record.data(), bytes);
    channel.publish(key, ipc::ResponseKind::Head, bytes, true, 1000);
}

}  // namespace fettle::micro

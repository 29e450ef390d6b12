// A channel set with both of its ends mapped in this process.
#pragma once

#include "ipc/balancer_channel.h"
#include "ipc/worker_channel.h"

#include <catch2/catch.hpp>

#include <cstring>
#include <memory>
#include <string>
#include <string_view>

namespace fettle::test {

struct BothEnds {
    std::unique_ptr<ipc::ChannelSet> balancer;
    std::unique_ptr<ipc::WorkerChannelSet> worker;

    explicit BothEnds(ipc::Geometry geometry = {.threads = 1, .lanes = 2}) {
        const ipc::ChannelSet::Identity identity{.seat = 3, .worker_incarnation = 7, .balancer_incarnation = 2};
        auto made = ipc::ChannelSet::create(identity, geometry);
        REQUIRE(made.has_value());
        balancer = std::move(*made);
        auto fds = balancer->duplicate_fds();
        REQUIRE(fds.has_value());
        auto mapped = ipc::WorkerChannelSet::map(std::move(*fds), identity, geometry);
        REQUIRE(mapped.has_value());
        worker = std::move(*mapped);
    }

    ipc::BalancerChannel& front(std::uint32_t lane = 0) { return balancer->channel(0, lane); }

    ipc::WorkerChannel& back(std::uint32_t lane = 0) { return worker->lane(lane).channel(0); }
};

inline ipc::RequestKey push_text(ipc::BalancerChannel& channel, std::string_view text, std::uint64_t arrived_ns = 1) {
    const std::span<std::byte> space = channel.reserve(static_cast<std::uint32_t>(text.size()));
    REQUIRE(space.size() == text.size());
    std::memcpy(space.data(), text.data(), text.size());
    return channel.push_request(static_cast<std::uint32_t>(text.size()), true, arrived_ns);
}

inline void publish_text(ipc::WorkerChannel& channel, ipc::RequestKey key, ipc::ResponseKind kind,
                         std::string_view text, bool last) {
    REQUIRE(channel.writable() >= text.size());
    const std::span<std::byte> space = channel.reserve(static_cast<std::uint32_t>(text.size()));
    std::memcpy(space.data(), text.data(), text.size());
    channel.publish(key, kind, static_cast<std::uint32_t>(text.size()), last, 5);
}

inline std::string text_of(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace fettle::test

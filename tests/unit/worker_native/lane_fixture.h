// An Exchange that runs a request, with the balancer's end of its channel in the same process.
#pragma once

#include "tests/unit/ipc/channel_fixture.h"
#include "worker/native/lane/exchange.h"

#include <memory>
#include <string>
#include <string_view>

namespace fettle::test {

struct LaneFixture {
    BothEnds ends;
    std::shared_ptr<worker::Attachment> attachment = std::make_shared<worker::Attachment>(std::move(ends.worker));
    worker::Exchange exchange;
    ipc::RequestKey key;

    LaneFixture() { exchange.attach(attachment, 0); }

    ipc::BalancerChannel& front() { return ends.front(); }

    // Pushes a request and takes it.
    void run_request(bool last = true) {
        key = push(front(), "request", last);
        REQUIRE(exchange.take());
        REQUIRE(exchange.request().key == key);
    }

    static ipc::RequestKey push(ipc::BalancerChannel& channel, std::string_view text, bool last) {
        const std::span<std::byte> space = channel.reserve(static_cast<std::uint32_t>(text.size()));
        REQUIRE(space.size() == text.size());
        std::memcpy(space.data(), text.data(), text.size());
        return channel.push_request(static_cast<std::uint32_t>(text.size()), last, 1);
    }

    void push_body(ipc::RequestKey to, std::string_view text, bool last) {
        const std::span<std::byte> space = front().reserve(static_cast<std::uint32_t>(text.size()));
        REQUIRE(space.size() == text.size());
        std::memcpy(space.data(), text.data(), text.size());
        front().push_body(to, static_cast<std::uint32_t>(text.size()), last);
    }

    // The next message to the balancer, with a copy of its payload; the message itself is released.
    struct Received {
        ipc::ResponseMessage message;
        std::string payload;
    };

    std::optional<Received> receive() {
        Received received;
        const auto peek = front().peek(received.message);
        REQUIRE(peek != ipc::BalancerChannel::Peek::Violation);
        if (peek == ipc::BalancerChannel::Peek::Empty) {
            return std::nullopt;
        }
        received.payload = text_of(received.message.payload);
        front().pop();
        return received;
    }
};

inline std::span<const std::byte> bytes_of(std::string_view text) {
    return std::as_bytes(std::span(text));
}

}  // namespace fettle::test

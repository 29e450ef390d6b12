#include "fake_balancer.h"

#include "ipc/response_record.h"

#include <catch2/catch.hpp>

#include <poll.h>

#include <cstring>

namespace fettle::test {

namespace {

std::string text_of(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

std::string Answer::header(const std::string& name) const {
    for (const auto& [key, value] : headers) {
        if (key == name) {
            return value;
        }
    }
    return "(none)";
}

FakeBalancer::FakeBalancer(ipc::ChannelSet::Identity identity, ipc::Geometry geometry) {
    auto made = ipc::ChannelSet::create(identity, geometry);
    REQUIRE(made.has_value());
    channels_ = std::move(*made);
}

ipc::BalancerChannel& FakeBalancer::channel(std::uint32_t lane, std::uint32_t thread) {
    return channels_->channel(thread, lane);
}

ipc::RequestKey FakeBalancer::push(const Request& request, std::uint32_t lane, std::uint32_t thread) {
    const std::vector<std::byte> record = build_record(request);
    const auto bytes = static_cast<std::uint32_t>(record.size());
    wait_until([&] { return channel(lane, thread).can_push_request(bytes); });
    const std::span<std::byte> space = channel(lane, thread).reserve(bytes);
    REQUIRE(space.size() == bytes);
    std::memcpy(space.data(), record.data(), bytes);
    const ipc::RequestKey key = channel(lane, thread).push_request(bytes, request.last, 1);
    channels_->ring_if_asleep(lane);
    return key;
}

void FakeBalancer::push_body(ipc::RequestKey key, const std::string& piece, bool last) {
    const auto bytes = static_cast<std::uint32_t>(piece.size());
    wait_until([&] { return channel().has_room(bytes); });
    const std::span<std::byte> space = channel().reserve(bytes);
    REQUIRE(space.size() == bytes);
    std::memcpy(space.data(), piece.data(), bytes);
    channel().push_body(key, bytes, last);
    channels_->ring_if_asleep(0);
}

void FakeBalancer::push_abort(ipc::RequestKey key) {
    REQUIRE(channel().push_abort(key));
    channels_->ring_if_asleep(0);
}

void FakeBalancer::grant(ipc::RequestKey key, std::uint64_t bytes) {
    channel().set_credit(key, bytes);
    channels_->ring_if_blocked(0);
}

void FakeBalancer::cancel(ipc::RequestKey key) {
    (void)channel().cancel_for_good(key);
    channels_->ring_if_blocked(0);
}

Answer& FakeBalancer::answer(ipc::RequestKey key, std::uint32_t lane, std::uint32_t thread) {
    return answers_[{{thread, lane}, key.sequence}];
}

const Answer& FakeBalancer::finish(ipc::RequestKey key, std::uint32_t lane, std::uint32_t thread) {
    wait_until([&] { return answer(key, lane, thread).ended; });
    return answer(key, lane, thread);
}

Answer FakeBalancer::ask(const Request& request) {
    return finish(push(request));
}

std::string FakeBalancer::get(const std::string& path) {
    const Answer answer = ask({.path = path});
    INFO("GET " << path);
    CHECK(answer.status == 200);
    return answer.body;
}

void FakeBalancer::harvest() {
    for (std::uint32_t thread = 0; thread < channels_->geometry().threads; ++thread) {
        for (std::uint32_t lane = 0; lane < channels_->geometry().lanes; ++lane) {
            ipc::ResponseMessage message;
            ipc::BalancerChannel& from = channel(lane, thread);
            auto peek = from.peek(message);
            for (; peek == ipc::BalancerChannel::Peek::Message; peek = from.peek(message)) {
                take({thread, lane}, message);
                from.pop();
                channels_->ring_if_blocked(lane);
            }
            REQUIRE(peek == ipc::BalancerChannel::Peek::Empty);
        }
    }
}

void FakeBalancer::take(Place place, const ipc::ResponseMessage& message) {
    Answer& answer = answers_[{place, message.key.sequence}];
    REQUIRE_FALSE(answer.ended);
    answer.kinds.push_back(message.kind);
    answer.ended = message.last;
    answer.app_ns = message.app_ns;
    if (message.kind != ipc::ResponseKind::Head) {
        answer.body += text_of(message.payload);
        return;
    }
    auto reader = ipc::ResponseReader::parse(message.payload);
    REQUIRE(reader.has_value());
    answer.status = reader->status();
    answer.reason = reader->reason();
    while (const auto header = reader->next_header()) {
        answer.headers.emplace_back(header->name, header->value);
    }
    REQUIRE(answer.headers.size() == reader->header_count());
    answer.body = text_of(reader->body());
}

void FakeBalancer::sleep_until_bell(std::chrono::steady_clock::time_point deadline) {
    std::vector<pollfd> bells;
    bool any = false;
    for (std::uint32_t thread = 0; thread < channels_->geometry().threads; ++thread) {
        channels_->set_asleep(thread, true, true);
        bells.push_back({.fd = channels_->thread_bell(thread), .events = POLLIN, .revents = 0});
        for (std::uint32_t lane = 0; lane < channels_->geometry().lanes; ++lane) {
            ipc::ResponseMessage message;
            any = any || channel(lane, thread).peek(message) != ipc::BalancerChannel::Peek::Empty;
        }
    }
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    if (!any && left.count() <= 0) {
        FAIL("the worker did not do what the test waited for");
    }
    // Not all that tests wait for rings a bell: look again after a while.
    const int timeout = any ? 0 : static_cast<int>(std::min<std::int64_t>(left.count(), 20));
    (void)::poll(bells.data(), bells.size(), timeout);
    for (std::uint32_t thread = 0; thread < channels_->geometry().threads; ++thread) {
        channels_->drain_thread_bell(thread);
        channels_->set_asleep(thread, false);
    }
}

}  // namespace fettle::test

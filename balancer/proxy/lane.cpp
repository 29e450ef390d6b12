#include "balancer/proxy/lane.h"

#include "base/assert.h"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <span>
#include <utility>

namespace fettle::balancer {

namespace {

constexpr std::size_t kPieceBytes = 64 * 1024;  // of a request body
// The worker's allowance is raised in steps, so that a fast client does not cost a store and a fence per packet.
constexpr std::uint64_t kCreditStep = 64 * 1024;

}  // namespace

Lane::Lane(Link& link, Worker& worker, unsigned thread, std::uint32_t index)
    : link_(link),
      worker_(worker),
      channel_(worker.channels->channel(thread, index)),
      index_(index),
      in_flight_(ipc::kRingEntries, nullptr) {}

void Lane::submit(Exchange& exchange) {
    exchange.lane = this;
    exchange.key = {};
    exchange.seat = worker_.id.seat;
    exchange.worker_pid = worker_.pid;
    senders_.push_back(&exchange);
    pump();
}

Exchange* Lane::find(ipc::RequestKey key) const {
    Exchange* exchange = in_flight_[key.index % ipc::kRingEntries];
    return exchange != nullptr && exchange->key == key ? exchange : nullptr;
}

void Lane::forget(Exchange& exchange) {
    if (exchange.key.sequence != 0) {
        in_flight_[exchange.key.index] = nullptr;
    }
    std::erase(senders_, &exchange);
    exchange.lane = nullptr;
    exchange.key = {};
}

std::vector<Exchange*> Lane::exchanges() const {
    std::vector<Exchange*> all;
    std::copy_if(in_flight_.begin(), in_flight_.end(), std::back_inserter(all),
                 [](const Exchange* exchange) { return exchange != nullptr; });
    std::copy_if(senders_.begin(), senders_.end(), std::back_inserter(all),
                 [](const Exchange* exchange) { return exchange->key.sequence == 0; });
    return all;
}

bool Lane::take_back(Exchange& exchange) {
    const bool unsent = exchange.key.sequence == 0;
    if (!unsent && (exchange.client == nullptr || exchange.responding || worker_.broken)) {
        return false;
    }
    if (!unsent && channel_.cancel(exchange.key) != ipc::BalancerChannel::Cancel::Revoked) {
        exchange.recalled = true;  // a Dropped may still come
        return false;
    }
    forget(exchange);
    return true;
}

bool Lane::give_up(Exchange& exchange) {
    if (exchange.key.sequence == 0) {
        forget(exchange);
        return true;
    }
    if (worker_.broken) {
        return false;
    }
    const bool revoked = channel_.cancel_for_good(exchange.key) == ipc::BalancerChannel::Cancel::Revoked;
    exchange.recalled = true;
    if (revoked && !exchange.responding) {
        forget(exchange);
        return true;
    }
    update_credit(exchange);
    pump();
    ring_if_blocked();  // it waits for credit, room or a body: nothing of that may ever come, and nobody waits for it
    return false;
}

void Lane::pump() {
    if (pumping_) {
        pump_again_ = true;  // a client we told of progress has sent more
        return;
    }
    if (worker_.broken) {
        return;
    }
    pumping_ = true;
    do {
        pump_again_ = false;
        pump_once();
    } while (pump_again_);
    pumping_ = false;
}

void Lane::ring_if_pushed() {
    if (std::exchange(pushed_, false)) {
        worker_.channels->ring_if_asleep(index_);
    }
}

void Lane::ring_if_pushed_elsewhere() {
    if (pushed_ && !worker_.channels->shares_cpu(index_)) {
        ring_if_pushed();
    }
}

void Lane::pump_once() {
    room_is_short_ = false;
    for (std::size_t index = 0; index < senders_.size() && !room_is_short_;) {
        switch (push(*senders_[index])) {
            case Push::Done:
                senders_.erase(senders_.begin() + static_cast<std::ptrdiff_t>(index));
                break;
            case Push::NoData:
                ++index;
                break;
            case Push::NoRoom:
                room_is_short_ = true;
                break;
        }
    }
    // Only now: a client may change the senders. It cannot add notices: that happens in here, and pump() sees to it
    // that this is on the stack once.
    for (const Notice& notice : notices_) {
        Exchange* exchange = find(notice.key);
        if (exchange == nullptr || exchange->client == nullptr) {
            continue;
        }
        if (notice.failed) {
            exchange->client->on_failure(Failure::Body, 0);
        } else {
            exchange->client->on_request_body_progress();
        }
    }
    notices_.clear();
}

Lane::Push Lane::push(Exchange& exchange) {
    if (exchange.key.sequence == 0) {
        const Push pushed = push_record(exchange);
        if (pushed != Push::Done || exchange.body_in_record) {
            return pushed;
        }
    }
    return push_body(exchange);
}

Lane::Push Lane::push_record(Exchange& exchange) {
    const std::span<const std::byte> record = exchange.record.bytes();
    wanted_ = static_cast<std::uint32_t>(record.size());
    wants_request_ = true;
    if (!channel_.can_push_request(wanted_)) {
        return Push::NoRoom;
    }
    const std::span<std::byte> room = channel_.reserve(wanted_);
    if (room.empty()) {
        return Push::NoRoom;
    }
    std::memcpy(room.data(), record.data(), record.size());
    exchange.key = channel_.push_request(wanted_, exchange.body_in_record, exchange.arrived_ns);
    exchange.credit = ipc::kSizedWindow;
    in_flight_[exchange.key.index] = &exchange;
    pushed_ = true;
    return Push::Done;
}

Lane::Push Lane::push_body(Exchange& exchange) {
    RequestBody& body = exchange.body;
    bool moved = false;
    Push result = Push::NoData;
    wants_request_ = false;
    while (true) {
        const std::optional<Error>* failure = body.spool_failure();
        const bool failed = failure != nullptr && failure->has_value();
        if (failed || body.given_up() || exchange.client == nullptr) {
            wanted_ = 0;
            if (!channel_.push_abort(exchange.key)) {
                return Push::NoRoom;
            }
            pushed_ = true;
            notices_.push_back({exchange.key, failed});
            return Push::Done;
        }
        const std::string_view data = body.data();
        const std::size_t piece = std::min(data.size(), kPieceBytes);
        const bool last = body.ends_after(piece);
        if (piece == 0 && !last) {
            break;
        }
        wanted_ = static_cast<std::uint32_t>(piece);
        if (!channel_.has_room(wanted_)) {
            result = Push::NoRoom;
            break;
        }
        if (piece > 0) {
            const std::span<std::byte> room = channel_.reserve(wanted_);
            if (room.empty()) {
                result = Push::NoRoom;
                break;
            }
            std::memcpy(room.data(), data.data(), piece);
        }
        channel_.push_body(exchange.key, wanted_, last);
        body.consume(piece);
        pushed_ = moved = true;
        if (last) {
            result = Push::Done;
            break;
        }
    }
    if (body.holds_consumed() && channel_.state(exchange.key) != ipc::RequestState::Queued) {
        body.forget_consumed();
        moved = true;
    }
    if (moved) {
        notices_.push_back({exchange.key, false});
    }
    return result;
}

bool Lane::wants_room() const {
    return room_is_short_ || std::any_of(senders_.begin(), senders_.end(),
                                         [](const Exchange* exchange) { return exchange->body.holds_consumed(); });
}

bool Lane::has_news() {
    ipc::ResponseMessage message;
    if (channel_.peek(message) != ipc::BalancerChannel::Peek::Empty) {
        return true;
    }
    if (room_is_short_ && (wants_request_ ? channel_.can_push_request(wanted_) : channel_.has_room(wanted_))) {
        return true;
    }
    return std::any_of(senders_.begin(), senders_.end(), [this](const Exchange* exchange) {
        return exchange->key.sequence != 0 && exchange->body.holds_consumed() &&
               channel_.state(exchange->key) != ipc::RequestState::Queued;
    });
}

bool Lane::raise_credit(Exchange& exchange) {
    const std::uint64_t unsent = exchange.client != nullptr ? exchange.client->unsent() : 0;
    const std::uint64_t taken = exchange.response_bytes - std::min(exchange.response_bytes, unsent);
    const std::uint64_t credit = taken + ipc::kSizedWindow;
    if (credit < exchange.credit + kCreditStep) {
        return false;
    }
    exchange.credit = credit;
    channel_.set_credit(exchange.key, credit);
    return true;
}

void Lane::update_credit(Exchange& exchange) {
    if (exchange.key.sequence != 0 && raise_credit(exchange)) {
        ring_if_blocked();
    }
}

void Lane::ring_if_blocked() {
    worker_.channels->ring_if_blocked(index_);
}

}  // namespace fettle::balancer

// Workers: what comes back from the workers, and what is left when one of them dies.
#include "balancer/proxy/workers.h"
#include "base/log.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <utility>

namespace fettle::balancer {

namespace {

// Per lane and turn, so that one worker's stream does not keep the clients waiting.
constexpr std::uint32_t kMessagesPerTurn = 64;

std::chrono::nanoseconds app_time(const ipc::ResponseMessage& message) {
    constexpr std::uint64_t kMost = std::numeric_limits<std::chrono::nanoseconds::rep>::max();
    return std::chrono::nanoseconds(static_cast<std::chrono::nanoseconds::rep>(std::min(message.app_ns, kMost)));
}

}  // namespace

bool Workers::prepare_sleep() {
    ring_bells();
    std::erase_if(busy_, [](Lane* lane) {
        lane->in_busy_list = lane->busy() && !lane->link().worker().broken;
        return !lane->in_busy_list;
    });
    for (Lane* lane : busy_) {
        Link& link = lane->link();
        if (!link.asleep()) {
            asleep_.push_back(&link);
            link.sleep();
        }
    }
    return std::none_of(busy_.begin(), busy_.end(), [](Lane* lane) { return lane->has_news(); });
}

void Workers::harvest() {
    for (Link* link : asleep_) {
        link->wake_up();
    }
    asleep_.clear();
    ring_bells();  // for what the clients have sent in this turn
    // By index: what is delivered may make further lanes busy.
    for (std::size_t index = 0; index < busy_.size(); ++index) {
        harvest(*busy_[index], kMessagesPerTurn);
        busy_[index]->pump();
    }
    ring_bells();
}

void Workers::harvest(Lane& lane, std::uint32_t most) {
    Link& link = lane.link();
    bool popped = false;
    for (std::uint32_t count = 0; count < most && !link.worker().broken; ++count) {
        ipc::ResponseMessage message;
        const ipc::BalancerChannel::Peek peek = lane.channel().peek(message);
        if (peek == ipc::BalancerChannel::Peek::Empty) {
            break;
        }
        if (peek == ipc::BalancerChannel::Peek::Violation) {
            declare_broken(link, lane.channel().violation());
            break;
        }
        if (const auto violation = deliver(lane, message)) {
            declare_broken(link, *violation);
            break;
        }
        lane.channel().pop();
        popped = true;
    }
    if (popped) {
        lane.ring_if_blocked();
    }
}

std::optional<ipc::Violation> Workers::deliver(Lane& lane, const ipc::ResponseMessage& message) {
    Exchange* exchange = lane.find(message.key);
    if (message.kind == ipc::ResponseKind::Dropped) {
        return deliver_drop(lane, exchange);
    }
    if (exchange == nullptr) {
        return ipc::Violation::Request;  // it runs what was revoked
    }
    std::optional<ipc::ResponseReader> head;
    if (const auto violation = account(*exchange, message, head)) {
        return violation;
    }
    if (message.last) {
        exchange->app_time = app_time(message);
    }
    exchange->responding = true;
    // A head before anything else: should it turn out to be forged, the worker gets no other request.
    if (head && exchange->client != nullptr && !tell_client(*exchange, message, head)) {
        return ipc::Violation::Head;
    }
    if (message.last) {
        complete(lane, *exchange);  // before the client, so that the worker gets its next request at once
    }
    if (exchange->client == nullptr) {
        setup_.exchanges.release_if_ended(*exchange);
    } else if (!head) {
        (void)tell_client(*exchange, message, head);
    }
    // The client may have let go, and the exchange may be another's by now.
    if (Exchange* still = lane.find(message.key); still != nullptr) {
        lane.update_credit(*still);
    }
    return std::nullopt;
}

// Checks that the message may come now and stays within the worker's allowance. Every message but a few takes of the
// allowance, so a worker cannot keep this thread busy, or a client's buffer growing, with messages that say nothing.
std::optional<ipc::Violation> Workers::account(Exchange& exchange, const ipc::ResponseMessage& message,
                                               std::optional<ipc::ResponseReader>& head) {
    switch (message.kind) {
        case ipc::ResponseKind::Head:
            if (exchange.head_seen) {
                return ipc::Violation::Order;
            }
            head = ipc::ResponseReader::parse(message.payload);
            if (!head) {
                return ipc::Violation::Record;
            }
            exchange.head_seen = true;
            exchange.response_bytes += head->body().size();
            break;
        case ipc::ResponseKind::Body:
            if (!exchange.head_seen || (message.payload.empty() && !message.last)) {
                return ipc::Violation::Order;
            }
            exchange.response_bytes += message.payload.size();
            break;
        case ipc::ResponseKind::End:
            if (!exchange.head_seen) {
                return ipc::Violation::Order;
            }
            break;
        case ipc::ResponseKind::Continue:
            if (std::exchange(exchange.continued, true)) {
                return ipc::Violation::Order;
            }
            break;
        case ipc::ResponseKind::Failed:
        case ipc::ResponseKind::Dropped:
            break;
    }
    return exchange.response_bytes <= exchange.credit ? std::nullopt : std::optional(ipc::Violation::Credit);
}

void Workers::complete(Lane& lane, Exchange& exchange) {
    lane.forget(exchange);
    serve(setup_.pool.queue.complete(exchange, *exchange.app_time, now()));
    report_if_drained(lane.link().worker());
}

// False: the head is forged.
bool Workers::tell_client(Exchange& exchange, const ipc::ResponseMessage& message,
                          const std::optional<ipc::ResponseReader>& head) {
    switch (message.kind) {
        case ipc::ResponseKind::Head:
            return exchange.client->on_head(*head, message.last);
        case ipc::ResponseKind::Body:
            exchange.client->on_body(message.payload, message.last);
            break;
        case ipc::ResponseKind::End:
            exchange.client->on_body({}, true);
            break;
        case ipc::ResponseKind::Failed:
            exchange.client->on_failure(Failure::Application, 0);
            break;
        case ipc::ResponseKind::Continue:
            exchange.client->on_continue();
            break;
        case ipc::ResponseKind::Dropped:
            break;
    }
    return true;
}

// `exchange` is nullptr if the request was taken back when its worker was asked to drop it.
std::optional<ipc::Violation> Workers::deliver_drop(Lane& lane, Exchange* exchange) {
    if (exchange == nullptr) {
        return std::nullopt;
    }
    if (!exchange->recalled || exchange->responding) {
        return ipc::Violation::Order;
    }
    Worker& worker = lane.link().worker();
    lane.forget(*exchange);
    if (exchange->client != nullptr && !exchange->body.can_rewind()) {
        ExchangeClient& client = *exchange->client;
        drop(worker, *exchange);
        client.on_failure(Failure::WorkerDied, 0);
    } else {
        put_back(worker, *exchange);
    }
    return std::nullopt;
}

// True if the application certainly has not seen the request.
bool Workers::never_ran(Lane& lane, const Exchange& exchange) {
    if (exchange.key.sequence == 0) {
        return true;
    }
    if (lane.link().worker().broken || exchange.responding || !exchange.body.can_rewind()) {
        return false;
    }
    const ipc::RequestState state = lane.channel().state(exchange.key);
    return state == ipc::RequestState::Queued || (state == ipc::RequestState::Dropped && exchange.recalled);
}

// What the dead worker's own words say decides about each of its requests: DONE, in the ring: delivered; QUEUED: back
// to the front of the queue; CLAIMED: 502, because the application may have acted on it; RESPONDING: the client is cut
// off. Nothing is read of a worker that broke the protocol, so nothing of it is run again either.
void Workers::bury(ipc::WorkerId id) {
    Link* const found = find(id);
    if (found == nullptr) {
        return;
    }
    Link& link = *found;
    Worker& worker = link.worker();
    // What its ring holds, and no more: a child that it forked may live on and write into the same memory for ever.
    for (const auto& lane : link.lanes()) {
        harvest(*lane, ipc::kRingEntries);
    }
    std::size_t requeued = 0;
    std::size_t lost = 0;
    for (const auto& lane : link.lanes()) {
        for (Exchange* exchange : lane->exchanges()) {
            if (exchange->lane != lane.get()) {
                continue;  // its client left while others were told
            }
            const bool untouched = never_ran(*lane, *exchange);
            lane->forget(*exchange);
            if (untouched) {
                requeued += exchange->client != nullptr ? 1 : 0;
                put_back(worker, *exchange);
                continue;
            }
            ++lost;
            if (ExchangeClient* client = exchange->client; client != nullptr) {
                drop(worker, *exchange);
                client->on_failure(Failure::WorkerDied, 0);
            } else {
                drop(worker, *exchange);
            }
        }
    }
    if (requeued + lost > 0) {
        log::warning("worker died with requests seat={} incarnation={} requeued={} lost={}", id.seat, id.incarnation,
                     requeued, lost);
    }
    drop_link(link);
}

void Workers::abandon_all() {
    while (!links_.empty()) {
        Link& link = *links_.back();
        for (const auto& lane : link.lanes()) {
            for (Exchange* exchange : lane->exchanges()) {
                lane->forget(*exchange);
                drop(link.worker(), *exchange);
            }
        }
        drop_link(link);
    }
}

void Workers::drop_link(const Link& link) {
    std::erase_if(busy_, [&](Lane* lane) { return &lane->link() == &link; });
    std::erase(asleep_, &link);
    if (found_ == &link) {
        found_ = nullptr;
    }
    std::erase_if(links_, [&](const auto& other) { return other.get() == &link; });
}

}  // namespace fettle::balancer

// The workers' side of a balancer thread (Workers, the pool's queue, lanes) with the test in the place of the clients,
// of the control side and of the workers. Nothing runs by itself: the loop does not turn.
#pragma once

#include "balancer/proxy/workers.h"
#include "base/clock.h"
#include "ipc/response_record.h"
#include "ipc/worker_channel.h"

#include <catch2/catch.hpp>

#include <atomic>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace fettle::test {

// What a client was told, as one word that changes with one store: a hexadecimal digit per event, oldest first.
struct Wire {
    static constexpr std::uint64_t kHead = 1;
    static constexpr std::uint64_t kBody = 2;
    static constexpr std::uint64_t kLast = 4;  // added to the others
    static constexpr std::uint64_t kFailure = 8;

    std::atomic<std::uint64_t> events{0};

    void add(std::uint64_t event) { events.store(events.load() << 4 | event); }

    [[nodiscard]] bool failed() const { return (events.load() & kFailure) != 0; }

    [[nodiscard]] bool complete() const { return (events.load() & kLast) != 0; }
};

class WireClient final : public balancer::ExchangeClient {
  public:
    explicit WireClient(Wire& wire) : wire_(wire) {}

    void on_continue() override {}

    [[nodiscard]] bool on_head(const ipc::ResponseReader& /*head*/, bool last) override {
        wire_.add(Wire::kHead | (last ? Wire::kLast : 0));
        return true;
    }

    void on_body(std::span<const std::byte> /*piece*/, bool last) override {
        wire_.add(Wire::kBody | (last ? Wire::kLast : 0));
    }

    void on_failure(balancer::Failure /*failure*/, std::uint32_t /*retry_after*/) override {
        wire_.add(Wire::kFailure);
    }

    void on_request_body_progress() override {}

    [[nodiscard]] std::size_t unsent() const override { return 0; }

  private:
    Wire& wire_;
};

// A worker process's end of its channels, with one lane.
struct WorkerEnd {
    std::shared_ptr<balancer::Worker> worker;
    std::unique_ptr<ipc::WorkerChannelSet> set;
    int bell = -1;  // the lane's, of the set

    [[nodiscard]] ipc::WorkerLane& lane() { return set->lane(0); }

    [[nodiscard]] ipc::WorkerChannel& channel() { return lane().channel(0); }

    // Takes the next request out of the ring; its key, and what its record says.
    struct Taken {
        ipc::RequestKey key;
        std::string text;
    };

    [[nodiscard]] std::optional<Taken> next() {
        const auto message = channel().peek();
        if (!message) {
            return std::nullopt;
        }
        Taken taken{message->key, {reinterpret_cast<const char*>(message->payload.data()), message->payload.size()}};
        channel().pop();
        return taken;
    }

    void head(ipc::RequestKey key, bool last) {
        const ipc::ResponseRecord record{
                .status = 200, .header_count = 0, .reason_bytes = 0, .headers_bytes = 0, .body_bytes = 0};
        (void)channel().writable();
        std::memcpy(channel().reserve(sizeof(record)).data(), &record, sizeof(record));
        channel().publish(key, ipc::ResponseKind::Head, sizeof(record), last, 10'000);
        lane().notify(0);
    }

    void end(ipc::RequestKey key) {
        (void)channel().writable();
        channel().publish(key, ipc::ResponseKind::End, 0, true, 10'000);
        lane().notify(0);
    }
};

class WorkersRig {
  public:
    WorkersRig() {
        pool_.peers[0].mailbox = &mailbox_;
        pool_.control = &control_;
    }

    WorkersRig(const WorkersRig&) = delete;
    WorkersRig& operator=(const WorkersRig&) = delete;

    ~WorkersRig() {
        let_go();
        workers.abandon_all();
        for (const auto& worker : all_workers_) {
            (void)pool_.queue.remove_slot(worker->slots.front(), 0, clock_.now());
        }
    }

    // A worker with one slot that serves.
    WorkerEnd add_worker(std::uint32_t incarnation) {
        const ipc::ChannelSet::Identity identity{
                .seat = 0, .worker_incarnation = incarnation, .balancer_incarnation = 1};
        auto channels = ipc::ChannelSet::create(identity, {.threads = 1, .lanes = 1});
        REQUIRE(channels.has_value());
        auto fds = (*channels)->duplicate_fds();
        REQUIRE(fds.has_value());
        const int bell = fds->lane_bells.front().get();
        auto set = ipc::WorkerChannelSet::map(std::move(*fds), identity, {.threads = 1, .lanes = 1});
        REQUIRE(set.has_value());
        auto worker = std::make_shared<balancer::Worker>();
        worker->id = {.seat = 0, .incarnation = incarnation};
        worker->channels = std::move(*channels);
        balancer::WorkerSlot& slot = worker->slots.emplace_back();
        slot.worker = worker.get();
        all_workers_.push_back(worker);
        workers.attach(worker);
        (void)pool_.queue.add_slot(slot, 0, clock_.now());
        (void)workers.take_grants();
        return {std::move(worker), std::move(*set), bell};
    }

    // A client's request, whose record says `text`; with `streams`, its body is still to come.
    balancer::Exchange& dispatch(balancer::ExchangeClient& client, std::string_view text, bool streams = false) {
        balancer::Exchange& exchange = exchanges_.take();
        exchanges_in_use_.push_back(&exchange);
        exchange.client = &client;
        std::memcpy(exchange.record.resize(text.size()).data(), text.data(), text.size());
        if (streams) {
            exchange.body.stream();
            exchange.body_in_record = false;
        }
        workers.dispatch(exchange);
        return exchange;
    }

    // The clients are done with their exchanges: those that have ended are used again.
    void let_go() {
        for (balancer::Exchange* exchange : exchanges_in_use_) {
            exchange->client = nullptr;
            exchanges_.release_if_ended(*exchange);
        }
        exchanges_in_use_.clear();
    }

    // What Control::bury and the thread make of a worker's death.
    void bury(const WorkerEnd& dead) {
        (void)pool_.queue.remove_slot(dead.worker->slots.front(), 0, clock_.now());
        workers.bury(dead.worker->id);
    }

    [[nodiscard]] queue::PoolQueue& queue() { return pool_.queue; }

  private:
    loop::Loop loop_;
    SteadyClock clock_;
    balancer::Pool pool_{{}, 1};
    balancer::ExchangePool exchanges_;
    std::vector<balancer::Exchange*> exchanges_in_use_;
    std::vector<std::shared_ptr<balancer::Worker>> all_workers_;
    balancer::Mailbox<balancer::Command> mailbox_{loop_, [] {}};
    balancer::Mailbox<balancer::Event> control_{loop_, [] {}};

  public:
    balancer::Workers workers{{.loop = loop_, .clock = clock_, .pool = pool_, .exchanges = exchanges_, .thread = 0}};
};

}  // namespace fettle::test

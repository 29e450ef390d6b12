// The balancer's side of the channels as it is (Workers, Lane, BalancerChannel, ResponseReader, write_response_head,
// BodyFramer), between clients that check what they get and two workers: an honest one, and one whose response file is
// also scribbled over. One balancer thread, a clock of its own, no sockets.
//
// What must hold, checked at every step: an honest worker's response arrives complete, in order and at its own client,
// whatever the other one does; a client hears nothing after its response has ended or it has left, and no body beyond
// what its worker was allowed; a head on the wire is one that HTTP allows; from the moment a worker is found to break
// the protocol, nothing of it reaches a client; it is reported once, and an honest one never is. When all is over,
// every client was answered, and nothing is left in the balancer.
#pragma once

#include "balancer/http/response_writer.h"
#include "balancer/proxy/workers.h"
#include "ipc/worker_channel.h"
#include "loop/loop.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace fettle::fuzz {

// The `bytes` bytes from `position` on of the body that belongs to a request; at most kMostBodyBytes.
inline constexpr std::size_t kMostBodyBytes = 1024 * 1024;
[[nodiscard]] std::span<const std::byte> body_of(std::uint64_t id, std::uint64_t position, std::size_t bytes);

class Rig;

// A worker of the rig: the real worker's end of its channels, used as a well-behaved worker does.
class RigWorker {
  public:
    RigWorker(std::uint32_t seat, std::uint32_t incarnation);

    // ---- what a well-behaved worker does; false: there is nothing to do it with

    // Takes the next request-side message of a lane: claims a request, drops a piece of a body.
    bool take(std::uint32_t lane);

    struct Head {
        std::uint16_t status = 200;
        std::uint32_t headers = 0;
        bool declares_length = false;
    };

    // Publishes the head of the running request number `which` with the first `body` bytes, or fewer: what the credit
    // and the room allow.
    bool head(std::uint32_t lane, std::size_t which, Head head, std::uint32_t body, bool last);
    bool body(std::uint32_t lane, std::size_t which, std::uint32_t bytes, bool last);
    bool end(std::uint32_t lane, std::size_t which);
    bool fail(std::uint32_t lane, std::size_t which);
    bool ask_for_body(std::uint32_t lane, std::size_t which);
    // Answers everything it has, in as many turns as its rings need.
    bool answer_all(std::uint32_t lane);

    // ---- what a hostile one does

    // Its response channel, for reading and writing; calling it makes the worker a liar.
    [[nodiscard]] ipc::ResponseChannel& forge(std::uint32_t lane);
    [[nodiscard]] ipc::LaneScore& forge_score(std::uint32_t lane);

    [[nodiscard]] bool lies() const { return lies_; }

    [[nodiscard]] const std::shared_ptr<balancer::Worker>& worker() const { return worker_; }

    static constexpr std::uint32_t kLanes = 2;

  private:
    struct Running {
        ipc::RequestKey key;
        std::uint64_t id = 0;
        std::uint64_t sent = 0;  // of the body
        bool head_sent = false;
        bool asked = false;
    };

    [[nodiscard]] Running* find(std::uint32_t lane, std::size_t which);

    [[nodiscard]] ipc::WorkerChannel& channel(std::uint32_t lane) { return ends_->lane(lane).channel(0); }

    [[nodiscard]] std::uint32_t allowed(std::uint32_t lane, const Running& running, std::uint32_t wanted);
    void over(std::uint32_t lane, const Running& running);
    [[nodiscard]] bool in_order(std::uint32_t lane) const;
    void publish(std::uint32_t lane, ipc::RequestKey key, ipc::ResponseKind kind, std::uint32_t used, bool last);

    std::shared_ptr<balancer::Worker> worker_;
    std::unique_ptr<ipc::WorkerChannelSet> ends_;
    ipc::Segment scribble_;
    ipc::Segment request_file_;
    std::uint64_t published_[kLanes] = {};  // by itself, not forged
    std::vector<Running> running_[kLanes];
    bool lies_ = false;
};

// A client with one request.
class RigClient final : public balancer::ExchangeClient {
  public:
    RigClient(Rig& rig, std::uint64_t id) : rig_(rig), id_(id) {}

    void on_continue() override;
    [[nodiscard]] bool on_head(const ipc::ResponseReader& head, bool last) override;
    void on_body(std::span<const std::byte> piece, bool last) override;
    void on_failure(balancer::Failure failure, std::uint32_t retry_after) override;
    void on_request_body_progress() override;

    [[nodiscard]] std::size_t unsent() const override { return unsent_; }

    void take(std::size_t bytes);
    void leave();

    [[nodiscard]] bool ended() const { return ended_; }

    [[nodiscard]] bool gone() const { return exchange == nullptr; }

    balancer::Exchange* exchange = nullptr;

  private:
    void hear();
    void frame(std::span<const std::byte> piece, bool last);
    [[nodiscard]] bool answered_honestly() const;

    Rig& rig_;
    std::uint64_t id_;
    http::BodyFramer framer_;
    std::size_t unsent_ = 0;
    std::uint64_t received_ = 0;
    bool head_seen_ = false;
    bool continued_ = false;
    bool refused_ = false;  // the head was one that HTTP does not allow
    bool ended_ = false;
};

class Rig {
  public:
    Rig();
    Rig(const Rig&) = delete;
    Rig& operator=(const Rig&) = delete;
    ~Rig() = default;

    // Frees what the loop keeps of rigs that are gone.
    static void settle() { shared_loop().run(); }

    void request(std::uint32_t record_bytes, bool streaming);
    void more_body(std::size_t client, std::size_t bytes, bool last);
    void turn();
    void sleep();
    void pass(Duration time);
    void recall_rogue();
    // Proof of death, as the supervisor gives it; another worker takes the rogue's seat.
    void replace_rogue();
    // The rogue dies, everybody else goes on to the end.
    void finish();

    [[nodiscard]] RigWorker& rogue() { return *rogue_; }

    [[nodiscard]] RigWorker& honest() { return *honest_; }

    [[nodiscard]] RigClient* client(std::size_t which);

    [[nodiscard]] balancer::Workers& workers() { return workers_; }

    [[nodiscard]] balancer::ExchangePool& exchanges() { return exchanges_; }

    [[nodiscard]] const RigWorker& worker_of(std::uint32_t seat) const { return seat == 0 ? *rogue_ : *honest_; }

  private:
    class FuzzClock final : public Clock {
      public:
        [[nodiscard]] TimePoint now() const override { return time; }

        TimePoint time{std::chrono::hours(1)};
    };

    void add(RigWorker& worker);
    void bury(RigWorker& worker);
    void read_events();

    static loop::Loop& shared_loop();

    FuzzClock clock_;
    balancer::Mailbox<balancer::Event> events_;
    balancer::Mailbox<balancer::Command> mailbox_;
    balancer::Pool pool_;
    balancer::ExchangePool exchanges_;
    balancer::Workers workers_;
    std::uint32_t next_incarnation_ = 1;
    std::unique_ptr<RigWorker> rogue_;
    std::unique_ptr<RigWorker> honest_;
    std::vector<std::unique_ptr<RigClient>> clients_;
    bool reported_ = false;  // the present rogue
};

}  // namespace fettle::fuzz

// The worker's end of its channels: reads the request side (mapped read-only), writes the response side.
//
// Threads: a WorkerLane, with all its WorkerChannels, is used only by the thread that runs the lane; only
// WorkerLane::wake() may be called from elsewhere (the service thread). No allocation after mapping, no exception,
// nothing of Python.
#pragma once

#include "base/fd.h"
#include "ipc/arena.h"
#include "ipc/balancer_channel.h"
#include "ipc/layout.h"
#include "ipc/segment.h"

#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace fettle::ipc {

// One request-side descriptor. `payload` stays valid until pop().
struct RequestMessage {
    RequestKey key;
    RequestKind kind = RequestKind::Request;
    bool last = false;
    std::span<const std::byte> payload;
    std::uint64_t arrived_ns = 0;
};

class WorkerChannel {
  public:
    WorkerChannel(const RequestChannel* request, ResponseChannel* response, std::uint32_t incarnation);

    // ---- requests

    // The next message, not consumed; nullopt if there is none.
    [[nodiscard]] std::optional<RequestMessage> peek();
    // Releases the message last peeked: its payload may be overwritten from now on.
    void pop();

    // Stores CLAIMED, fences, looks for a cancel. False: the request was revoked; DROPPED is stored and a Dropped
    // message published (never blocks: the balancer leaves room), and the application must not see it.
    [[nodiscard]] bool claim(RequestKey key);

    // ---- responses

    // Bytes that could be reserved in one piece now; 0 while the descriptor ring is full.
    [[nodiscard]] std::uint32_t writable();
    // Space for a payload of `bytes` <= writable().
    [[nodiscard]] std::span<std::byte> reserve(std::uint32_t bytes);
    // Publishes the first `used` bytes of the reservation (0: no payload; needs writable() > 0 all the same). The
    // caller then calls WorkerLane::notify. State words: Head stores RESPONDING first; `last` stores DONE after.
    void publish(RequestKey key, ResponseKind kind, std::uint32_t used, bool last, std::uint64_t app_ns);

    // Cumulative response body bytes that may have been published for this request (kSizedWindow at first).
    [[nodiscard]] std::uint64_t credit(RequestKey key) const;

    // True if the client has left: nobody waits for the response of this request. A recall that came too late does not
    // count.
    [[nodiscard]] bool cancelled(RequestKey key) const;

  private:
    void publish_descriptor(RequestKey key, ResponseKind kind, std::uint32_t used, bool last, std::uint64_t app_ns);

    const RequestChannel* request_;
    ResponseChannel* response_;
    std::uint32_t incarnation_;
    RingArena arena_;
    std::uint64_t consumed_ = 0;  // request descriptors, private copy
    std::uint32_t reserved_offset_ = 0;
};

// One lane: its channels with every balancer thread, its doorbell and its scoreboard line.
class WorkerLane {
  public:
    [[nodiscard]] std::uint32_t threads() const { return static_cast<std::uint32_t>(channels_.size()); }

    [[nodiscard]] WorkerChannel& channel(std::uint32_t thread) { return channels_[thread]; }

    [[nodiscard]] LaneScore& score() { return *score_; }

    // True if any channel has a request-side message.
    [[nodiscard]] bool has_message();

    // Wakes balancer thread `thread` if its flag says asleep (fences first). Call after publish().
    void notify(std::uint32_t thread);

    // Announces sleep of the given kind and fences; the caller then re-checks its condition and calls either block() or
    // awake().
    void about_to_sleep(LaneSleep kind);
    void awake();
    // Blocks until the lane's bell rings or a signal arrives; returns false for a signal. First wakes balancer threads
    // that wait for room: whatever can be popped must have been popped by the re-check. The announcement ends with it:
    // to sleep again, announce again and re-check again (the peer rings once per announcement).
    [[nodiscard]] bool block();

    // Any thread: ends a block(), now or the next one.
    void wake();

    // The slot takes its requests from here from now on. The balancer grants it none before.
    void announce();

  private:
    friend class WorkerChannelSet;

    // What this lane knows of one balancer thread.
    struct Peer {
        const ThreadFlags* flags = nullptr;
        int bell = -1;           // owned by the set
        std::uint32_t rung = 0;  // the flag of the sleep that was already ended by a ring of ours
    };

    void notify_of_room();
    static void ring_once(Peer& peer, std::uint32_t word);

    std::vector<WorkerChannel> channels_;
    std::vector<Peer> peers_;
    LaneScore* score_ = nullptr;
    int bell_ = -1;  // owned by the set
    Fd wake_;        // an eventfd, for wake(); the bell itself can only be read here
    std::uint32_t sleep_epoch_ = 0;
};

// All lanes of one (worker incarnation, balancer incarnation).
class WorkerChannelSet {
  public:
    // Maps and checks the files: seals, sizes, magic, version, geometry, incarnations.
    static Result<std::unique_ptr<WorkerChannelSet>> map(ChannelFds fds, ChannelSet::Identity identity,
                                                         Geometry geometry);

    [[nodiscard]] const ChannelSet::Identity& identity() const { return identity_; }

    [[nodiscard]] Geometry geometry() const { return geometry_; }

    [[nodiscard]] WorkerLane& lane(std::uint32_t lane) { return lanes_[lane]; }

    [[nodiscard]] ResponseHeader& header() { return *reinterpret_cast<ResponseHeader*>(response_.data()); }

  private:
    WorkerChannelSet() = default;
    ChannelSet::Identity identity_;
    Geometry geometry_;
    ChannelFds fds_;
    Segment request_;
    Segment response_;
    std::vector<WorkerLane> lanes_;
};

}  // namespace fettle::ipc

// The balancer's end of the channels of one worker incarnation. It creates both memory files, writes the request side
// and reads the response side, which it trusts in nothing.
//
// Threads: a BalancerChannel is used only by its balancer thread; bells and sleep flags of a thread likewise.
// ChannelSet's creation and destruction happen while no thread uses it.
#pragma once

#include "base/fd.h"
#include "ipc/arena.h"
#include "ipc/layout.h"
#include "ipc/segment.h"
#include "ipc/violation.h"

#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace fettle::ipc {

// One harvested descriptor. `payload` points into the worker's memory: bytes may still change, copy before judging.
struct ResponseMessage {
    RequestKey key;
    ResponseKind kind = ResponseKind::End;
    bool last = false;
    std::span<const std::byte> payload;
    std::uint64_t app_ns = 0;
};

class BalancerChannel {
  public:
    BalancerChannel(RequestChannel* request, const ResponseChannel* response, std::uint32_t worker_incarnation);

    // ---- requests

    // True if a new request with a record of `bytes` could be pushed now.
    [[nodiscard]] bool can_push_request(std::uint32_t bytes);
    // True if a piece of `bytes` of a request that was pushed, or with 0 its abort, could be pushed now.
    [[nodiscard]] bool has_room(std::uint32_t bytes);
    // Space for a record of at most `bytes`, to be filled and then pushed; empty if there is no room. Replaces an
    // unpushed reservation.
    [[nodiscard]] std::span<std::byte> reserve(std::uint32_t bytes);
    // Publishes the first `used` reserved bytes as a new request and returns its key. `last`: the whole body is in the
    // record. Requires can_push_request(used). The credit starts at kSizedWindow.
    [[nodiscard]] RequestKey push_request(std::uint32_t used, bool last, std::uint64_t arrived_ns);
    // Publishes the first `used` reserved bytes as the next piece of the request's body. Requires has_room(used).
    void push_body(RequestKey key, std::uint32_t used, bool last);
    // Tells the worker that the rest of the body will never come. False if the ring is full: try again after a harvest.
    [[nodiscard]] bool push_abort(RequestKey key);
    // Raises the cumulative number of response body bytes the worker may have published for this request.
    void set_credit(RequestKey key, std::uint64_t bytes);
    [[nodiscard]] std::uint64_t credit(RequestKey key) const;

    // ---- revoking

    enum class Cancel {
        Revoked,  // the worker will not run it: it may be dispatched elsewhere at once. A Dropped message still follows
                  // and frees the key
        TooLate,  // claimed, or ended: wait for its response, or for Dropped, or for proof of death
    };

    [[nodiscard]] Cancel cancel(RequestKey key);
    // As cancel(), and tells a worker that runs it already that nobody waits for the response any more. A later
    // cancel() does not take that back.
    [[nodiscard]] Cancel cancel_for_good(RequestKey key);

    // ---- responses

    enum class Peek { Empty, Message, Violation };

    // Looks at the next message without consuming it. Violation: the worker broke the protocol; nothing else of it may
    // be read, and every later call says so again.
    [[nodiscard]] Peek peek(ResponseMessage& message);

    // After Peek::Violation: which.
    [[nodiscard]] Violation violation() const { return *violation_; }

    // Releases the message last peeked, descriptor and payload. With `last`, its key becomes free.
    void pop();

    // ---- after proof of death

    // The state the worker's own word gives for this request. Queued: the application has not seen it.
    [[nodiscard]] RequestState state(RequestKey key) const;

    [[nodiscard]] std::uint32_t in_flight() const { return in_flight_; }

    // True if `key` names a request that was pushed and has not ended.
    [[nodiscard]] bool known(RequestKey key) const;

  private:
    RequestChannel* request_;
    const ResponseChannel* response_;
    std::uint32_t incarnation_;
    RingArena arena_;
    std::uint64_t harvested_ = 0;  // response descriptors consumed, private copy of what is published
    std::uint32_t next_sequence_ = 1;
    std::uint32_t in_flight_ = 0;
    std::uint32_t reserved_offset_ = 0;
    std::uint32_t reserved_bytes_ = 0;
    ResponseMessage peeked_;
    std::optional<Violation> violation_;       // for good
    std::vector<std::uint32_t> sequences_;     // of the request in flight at each index; 0: the index is free
    std::vector<std::uint16_t> free_indexes_;  // last in, first out

    void publish(RequestKey key, RequestKind kind, std::uint32_t used, bool last, std::uint64_t arrived_ns);
    bool refresh_consumed();
    Peek violated(Violation violation);
    Cancel store_cancel(RequestKey key, std::uint64_t word);
};

// What the supervisor needs to hand a channel set to the worker.
struct ChannelFds {
    Fd request_file;
    Fd response_file;
    std::vector<Fd> lane_bells;    // per lane, balancer -> slot: the read end of a pipe
    std::vector<Fd> thread_bells;  // per balancer thread, worker -> balancer: an eventfd
};

class ChannelSet {
  public:
    struct Identity {
        std::uint32_t seat = 0;
        std::uint32_t worker_incarnation = 0;
        std::uint32_t balancer_incarnation = 0;
    };

    static Result<std::unique_ptr<ChannelSet>> create(Identity identity, Geometry geometry);

    [[nodiscard]] const Identity& identity() const { return identity_; }

    [[nodiscard]] Geometry geometry() const { return geometry_; }

    [[nodiscard]] BalancerChannel& channel(std::uint32_t thread, std::uint32_t lane);

    // Duplicates for the worker.
    [[nodiscard]] Result<ChannelFds> duplicate_fds() const;

    // The worker's bell for one balancer thread: readable when a response was published while the thread's flag said
    // asleep.
    [[nodiscard]] int thread_bell(std::uint32_t thread) const;
    // Empties the thread's bell after it became readable.
    void drain_thread_bell(std::uint32_t thread);

    // Announces that the thread is about to sleep (and fences), or is awake. After set_asleep(true) re-check every
    // channel. `wants_room`: it also waits until has_room() becomes true for something.
    void set_asleep(std::uint32_t thread, bool asleep, bool wants_room = false);

    // After pushing: wakes the lane if it sleeps at all. After granting credit or releasing responses: if it is
    // Blocked. Both fence first. Safe from any balancer thread.
    void ring_if_asleep(std::uint32_t lane);
    // True if the lane's worker last slept on the CPU that the caller runs on: it says so, and it may have moved since.
    [[nodiscard]] bool shares_cpu(std::uint32_t lane) const;
    void ring_if_blocked(std::uint32_t lane);
    // Wakes the lane whatever its flag says (before a worker is told to stop).
    void ring(std::uint32_t lane);

    // True if the lane's slot says that it takes requests from these channels (WorkerLane::announce()). A worker that
    // lies harms only the requests granted to it. Safe from any balancer thread.
    [[nodiscard]] bool lane_attached(std::uint32_t lane) const;

  private:
    ChannelSet(Identity identity, Geometry geometry) : identity_(identity), geometry_(geometry) {}

    [[nodiscard]] const LaneScore& score(std::uint32_t lane) const;
    [[nodiscard]] ThreadFlags& flags(std::uint32_t thread);

    // The sleep of each lane that was already ended by a ring of ours; shared by the balancer threads.
    std::unique_ptr<std::atomic<std::uint32_t>[]> rung_;
    std::vector<std::uint32_t> sleep_epochs_;  // per balancer thread

    Identity identity_;
    Geometry geometry_;
    Fd request_file_;
    Fd response_file_;
    Segment request_;
    Segment response_;
    // Whoever shares an open file can make it block, so nothing that the balancer writes to is shared with the worker:
    // a lane's bell is a pipe, of which the worker gets the other end. That end stays open here as well, so that a
    // write after the worker's death is no error.
    std::vector<Fd> lane_bells_;
    std::vector<Fd> lane_bells_of_worker_;
    std::vector<Fd> thread_bells_;
    std::vector<BalancerChannel> channels_;
};

}  // namespace fettle::ipc

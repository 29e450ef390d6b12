// The layout of a channel set: the two memory files shared by the balancer and ONE worker incarnation.
//
//   request file   written only by the balancer, mapped read-only by the worker (F_SEAL_FUTURE_WRITE makes that a fact)
//       RequestHeader   4 KB: identity and geometry
//       ThreadFlags     one cache line per balancer thread
//       RequestChannel  one per (balancer thread, lane), thread-major
//   response file  written only by the worker, mapped read-only by the balancer and the supervisor
//       ResponseHeader  4 KB: identity, the scoreboard's header
//       LaneScore       256 B per lane: doorbell flag, counters, what runs now
//       ResponseChannel one per (balancer thread, lane), thread-major
//
// A lane is a slot or a spare for an abandoned slot. Everything is keyed by request (index, sequence), never by slot: a
// WSGI slot has one request in flight, an event-loop slot many.
//
// Rules (docs/architecture.md): every word has one writer; every shared word is a lock-free atomic; what a record
// points to is published by ONE aligned 8-byte release store of a cursor; cursors are kept private and published as
// copies; everything that is read from the response file is hostile: loaded once, then checked. Nothing is ever
// repaired: a dead worker's files are discarded.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace fettle::ipc {

inline constexpr std::uint64_t kRequestMagic = 0x7165725f65747466;   // "ftte_req"
inline constexpr std::uint64_t kResponseMagic = 0x7073725f65747466;  // "ftte_rsp"
inline constexpr std::uint32_t kLayoutVersion = 3;                   // raise it with every change of this file

inline constexpr std::size_t kCacheLine = 64;
inline constexpr std::size_t kPage = 4096;

inline constexpr std::uint32_t kMaxThreads = 64;  // balancer threads
inline constexpr std::uint32_t kMaxLanes =
        160;  // slots + spares of one worker: their bells must fit one SCM_RIGHTS message
inline constexpr std::uint32_t kRingEntries = 256;  // descriptors per ring, and request indexes per channel
// Requests in flight per channel. The worker publishes ordinary descriptors only while fewer than this many wait to be
// consumed, so the other half of the ring always has room for one Dropped per request.
inline constexpr std::uint32_t kMaxInFlight = kRingEntries / 2;

inline constexpr std::uint32_t kRequestArenaBytes = 256 * 1024;
inline constexpr std::uint32_t kRecordAlignment = 64;

// Flow control of a response body: the balancer grants `credit` per request, cumulative. It starts at kSizedWindow; a
// response without a declared length may use kSizedWindow - kStreamWindow less of it.
inline constexpr std::uint64_t kSizedWindow = 1024 * 1024;
inline constexpr std::uint64_t kStreamWindow = 256 * 1024;

// Two responses of the full window with their heads, so that the balancer sends one while the worker writes the next.
inline constexpr std::uint32_t kResponseArenaBytes = 2 * (kSizedWindow + 128 * 1024);

static_assert(std::atomic<std::uint64_t>::is_always_lock_free && std::atomic<std::uint32_t>::is_always_lock_free);

// Names one request of one channel. `index` (< kRingEntries) is free for reuse once the request has ended; `sequence`
// counts the requests of the channel, starts at 1 and tells two users of an index apart.
struct RequestKey {
    std::uint32_t sequence = 0;
    std::uint32_t index = 0;
    bool operator==(const RequestKey&) const = default;
};

// ---- state word: {incarnation, sequence, state}, in worker-written memory, readable after the worker's death

enum class RequestState : std::uint8_t {
    Queued = 0,      // also: the word still belongs to an earlier request
    Claimed = 1,     // stored before the application can see the request
    Responding = 2,  // stored before the first byte of the response is published
    Done = 3,        // stored after the last one was
    Dropped = 4,     // cancelled before the application saw it
};

[[nodiscard]] constexpr std::uint64_t state_word(std::uint32_t incarnation, std::uint32_t sequence,
                                                 RequestState state) {
    return (static_cast<std::uint64_t>(incarnation & 0xffffffU) << 40) | (static_cast<std::uint64_t>(sequence) << 8) |
           static_cast<std::uint64_t>(state);
}

// ---- request file

struct RequestHeader {
    std::uint64_t magic;
    std::uint32_t version;
    std::uint32_t seat;
    std::uint32_t worker_incarnation;
    std::uint32_t balancer_incarnation;
    std::uint32_t threads;
    std::uint32_t lanes;
};

inline constexpr std::uint32_t kWantsRoom = 1;

struct alignas(kCacheLine) ThreadFlags {
    // 0: awake; else (number of this sleep << 1): ring the bell once for it after publishing. With kWantsRoom the
    // thread also waits for what a lane takes out of its request ring: a lane rings before it sleeps itself.
    std::atomic<std::uint32_t> asleep;
};

enum class RequestKind : std::uint8_t {
    Request = 1,  // payload: a request record (ipc/request_record.h)
    Body = 2,     // payload: the next piece of the request's body
    Abort = 3,    // the client left before its body was complete; no payload
};

inline constexpr std::uint8_t kFlagLast =
        1;  // Request, Body: the body is complete with this descriptor. Response: the request has ended.

struct RequestDescriptor {  // 32 B
    std::uint32_t sequence;
    std::uint16_t index;
    std::uint8_t kind;     // RequestKind
    std::uint8_t flags;    // kFlagLast
    std::uint32_t offset;  // into the arena
    std::uint32_t length;
    std::uint64_t arrived_ns;  // CLOCK_MONOTONIC when the request's head was complete
    std::uint64_t reserved;
};

inline constexpr std::uint64_t kClientLeft = std::uint64_t{1} << 32;

struct PerRequest {
    // Sequence of the request to cancel unless it is claimed, 0: none. With kClientLeft the worker may also stop a
    // claimed one.
    std::atomic<std::uint64_t> cancel;
    std::atomic<std::uint64_t> credit;  // response body bytes the worker may have published so far, cumulative
};

struct RequestChannel {
    alignas(kCacheLine) std::atomic<std::uint64_t> published;  // request descriptors published by the balancer
    alignas(kCacheLine)
            std::atomic<std::uint64_t> consumed;  // response descriptors (and their arena bytes) released by it
    alignas(kCacheLine) PerRequest per_request[kRingEntries];
    alignas(kCacheLine) RequestDescriptor ring[kRingEntries];
    alignas(kPage) std::byte arena[kRequestArenaBytes];
};

// ---- response file

struct ResponseHeader {
    std::uint64_t magic;
    std::uint32_t version;
    std::uint32_t seat;
    std::uint32_t worker_incarnation;
    std::uint32_t balancer_incarnation;
    std::uint32_t threads;
    std::uint32_t lanes;
    alignas(kCacheLine) std::atomic<std::uint64_t> pss_bytes;  // own PSS, every 30 s; 0: not measured yet
    std::atomic<std::uint64_t> heartbeat_ns;                   // CLOCK_MONOTONIC of the service thread's last turn
};

// What the worker's slot waits for; the peer rings the lane's bell only if its event is among these. The shared word is
// (number of the sleep << 2) | LaneSleep, so that the peer rings once per sleep.
enum class LaneSleep : std::uint32_t {
    Awake = 0,
    Idle = 1,     // waits for a request descriptor
    Blocked = 2,  // inside a request: waits for credit, arena or ring space, or body
};

struct alignas(256) LaneScore {
    std::atomic<std::uint32_t> asleep;                       // see LaneSleep
    std::atomic<std::uint32_t> attached;                     // 0 -> 1: the slot has left the channels before these
    std::atomic<std::uint32_t> cpu;                          // where the slot's thread last went to sleep; a hint
    alignas(kCacheLine) std::atomic<std::uint64_t> started;  // requests handed to the application
    std::atomic<std::uint64_t> finished;                     // requests ended by the application (also by an exception)
    std::atomic<std::uint64_t> failed;                       // of these, ended by an exception
    std::atomic<std::uint64_t> running_since_ns;             // CLOCK_MONOTONIC of the running request's start, 0: idle
    std::atomic<std::uint64_t> busy_ns;                      // total time in the application
};

enum class ResponseKind : std::uint8_t {
    Head = 1,     // payload: a response record (ipc/response_record.h), with the first piece of the body behind it
    Body = 2,     // payload: the next piece of the body
    End = 3,      // no more body; no payload
    Failed = 4,   // the application raised or broke the protocol; payload: nothing. Before a head: 500, else the client
                  // is cut off
    Dropped = 5,  // the cancelled request was not run
    Continue = 6,  // the application reads the body: a waiting "100 Continue" may be sent
};

struct ResponseDescriptor {  // 32 B
    std::uint32_t sequence;
    std::uint16_t index;
    std::uint8_t kind;     // ResponseKind
    std::uint8_t flags;    // kFlagLast: the request has ended; its index is free once this is consumed
    std::uint32_t offset;  // into the arena
    std::uint32_t length;
    std::uint64_t app_ns;  // with kFlagLast: time in the application
    std::uint64_t reserved;
};

struct ResponseChannel {
    alignas(kCacheLine) std::atomic<std::uint64_t> published;  // response descriptors published by the worker
    alignas(kCacheLine)
            std::atomic<std::uint64_t> consumed;  // request descriptors (and their arena bytes) released by it
    alignas(kCacheLine) std::atomic<std::uint64_t> state[kRingEntries];
    alignas(kCacheLine) ResponseDescriptor ring[kRingEntries];
    alignas(kPage) std::byte arena[kResponseArenaBytes];
};

static_assert(sizeof(RequestHeader) <= kPage && sizeof(ResponseHeader) <= kPage);
static_assert(sizeof(RequestDescriptor) == 32 && sizeof(ResponseDescriptor) == 32 && sizeof(LaneScore) == 256);
static_assert(sizeof(RequestChannel) % kPage == 0 && sizeof(ResponseChannel) % kPage == 0);

// ---- sizes

struct Geometry {
    std::uint32_t threads = 1;  // balancer threads, 1..kMaxThreads
    std::uint32_t lanes = 1;    // slots + spares, 1..kMaxLanes
    bool operator==(const Geometry&) const = default;
};

[[nodiscard]] constexpr std::size_t round_to_page(std::size_t bytes) {
    return (bytes + kPage - 1) / kPage * kPage;
}

[[nodiscard]] constexpr std::size_t request_channels_offset(Geometry geometry) {
    return kPage + round_to_page(geometry.threads * sizeof(ThreadFlags));
}

[[nodiscard]] constexpr std::size_t request_file_bytes(Geometry geometry) {
    return request_channels_offset(geometry) + std::size_t{geometry.threads} * geometry.lanes * sizeof(RequestChannel);
}

[[nodiscard]] constexpr std::size_t response_channels_offset(Geometry geometry) {
    return kPage + round_to_page(geometry.lanes * sizeof(LaneScore));
}

[[nodiscard]] constexpr std::size_t response_file_bytes(Geometry geometry) {
    return response_channels_offset(geometry) +
           std::size_t{geometry.threads} * geometry.lanes * sizeof(ResponseChannel);
}

}  // namespace fettle::ipc

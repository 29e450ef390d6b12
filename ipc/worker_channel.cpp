#include "ipc/worker_channel.h"

#include "base/assert.h"

#include <poll.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <new>

namespace fettle::ipc {

namespace {

void ring_bell(int bell) {
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = ::write(bell, &one, sizeof(one));  // a full counter rings already
}

// An eventfd's counter, or the rings in a pipe; one that is left over ends the next sleep, no more.
void drain_bell(int bell) {
    std::uint64_t rings[8];
    [[maybe_unused]] const ssize_t got = ::read(bell, rings, sizeof(rings));
}

}  // namespace

// ---- WorkerChannel

WorkerChannel::WorkerChannel(const RequestChannel* request, ResponseChannel* response, std::uint32_t incarnation)
    : request_(request),
      response_(response),
      incarnation_(incarnation),
      arena_(kResponseArenaBytes, kRecordAlignment, kRingEntries) {}

std::optional<RequestMessage> WorkerChannel::peek() {
    if (request_->published.load(std::memory_order_acquire) == consumed_) {
        return std::nullopt;
    }
    const RequestDescriptor& descriptor = request_->ring[consumed_ % kRingEntries];
    const bool in_arena =
            descriptor.offset <= kRequestArenaBytes && descriptor.length <= kRequestArenaBytes - descriptor.offset;
    FETTLE_ASSERT(in_arena && descriptor.index < kRingEntries,
                  "the balancer published a descriptor that leaves its arena");
    return RequestMessage{
            .key = {descriptor.sequence, descriptor.index},
            .kind = static_cast<RequestKind>(descriptor.kind),
            .last = (descriptor.flags & kFlagLast) != 0,
            .payload = {request_->arena + descriptor.offset, descriptor.length},
            .arrived_ns = descriptor.arrived_ns,
    };
}

void WorkerChannel::pop() {
    ++consumed_;
    response_->consumed.store(consumed_, std::memory_order_release);
}

bool WorkerChannel::claim(RequestKey key) {
    response_->state[key.index].store(state_word(incarnation_, key.sequence, RequestState::Claimed),
                                      std::memory_order_relaxed);
    // Pairs with the fence in BalancerChannel::cancel: at least one side sees the other's store. It also keeps every
    // effect of the application behind the claim.
    std::atomic_thread_fence(std::memory_order_seq_cst);
    if ((request_->per_request[key.index].cancel.load(std::memory_order_relaxed) & ~kClientLeft) != key.sequence) {
        return true;
    }
    response_->state[key.index].store(state_word(incarnation_, key.sequence, RequestState::Dropped),
                                      std::memory_order_release);
    arena_.release_until(request_->consumed.load(std::memory_order_acquire));
    publish_descriptor(key, ResponseKind::Dropped, 0, true, 0);
    return false;
}

std::uint32_t WorkerChannel::writable() {
    arena_.release_until(request_->consumed.load(std::memory_order_acquire));
    if (arena_.committed() - arena_.released() >= kMaxInFlight) {
        return 0;
    }
    return arena_.largest_free();
}

std::span<std::byte> WorkerChannel::reserve(std::uint32_t bytes) {
    const std::optional<std::uint32_t> offset = arena_.reserve(bytes);
    FETTLE_ASSERT(offset.has_value(), "reserve needs writable() bytes");
    reserved_offset_ = *offset;
    return {response_->arena + *offset, bytes};
}

void WorkerChannel::publish(RequestKey key, ResponseKind kind, std::uint32_t used, bool last, std::uint64_t app_ns) {
    if (kind == ResponseKind::Head) {
        response_->state[key.index].store(state_word(incarnation_, key.sequence, RequestState::Responding),
                                          std::memory_order_release);
    }
    publish_descriptor(key, kind, used, last, app_ns);
    if (last) {
        response_->state[key.index].store(state_word(incarnation_, key.sequence, RequestState::Done),
                                          std::memory_order_release);
    }
}

void WorkerChannel::publish_descriptor(RequestKey key, ResponseKind kind, std::uint32_t used, bool last,
                                       std::uint64_t app_ns) {
    const std::uint64_t number = arena_.committed();
    ResponseDescriptor& descriptor = response_->ring[number % kRingEntries];
    descriptor.sequence = key.sequence;
    descriptor.index = static_cast<std::uint16_t>(key.index);
    descriptor.kind = static_cast<std::uint8_t>(kind);
    descriptor.flags = last ? kFlagLast : std::uint8_t{0};
    descriptor.offset = used > 0 ? reserved_offset_ : 0;
    descriptor.length = used;
    descriptor.app_ns = app_ns;
    arena_.commit(used);
    response_->published.store(number + 1, std::memory_order_release);
}

std::uint64_t WorkerChannel::credit(RequestKey key) const {
    return request_->per_request[key.index].credit.load(std::memory_order_acquire);
}

bool WorkerChannel::cancelled(RequestKey key) const {
    return request_->per_request[key.index].cancel.load(std::memory_order_relaxed) == (key.sequence | kClientLeft);
}

// ---- WorkerLane

bool WorkerLane::has_message() {
    return std::any_of(channels_.begin(), channels_.end(),
                       [](WorkerChannel& channel) { return channel.peek().has_value(); });
}

void WorkerLane::notify(std::uint32_t thread) {
    std::atomic_thread_fence(std::memory_order_seq_cst);
    const std::uint32_t word = peers_[thread].flags->asleep.load(std::memory_order_relaxed);
    if (word != 0) {
        ring_once(peers_[thread], word);
    }
}

void WorkerLane::notify_of_room() {
    std::atomic_thread_fence(std::memory_order_seq_cst);
    for (Peer& peer : peers_) {
        const std::uint32_t word = peer.flags->asleep.load(std::memory_order_relaxed);
        if ((word & kWantsRoom) != 0) {
            ring_once(peer, word);
        }
    }
}

void WorkerLane::ring_once(Peer& peer, std::uint32_t word) {
    if (word != peer.rung) {
        peer.rung = word;
        ring_bell(peer.bell);
    }
}

void WorkerLane::about_to_sleep(LaneSleep kind) {
    sleep_epoch_ = (sleep_epoch_ + 1) & 0x3fffffffU;
    score_->cpu.store(static_cast<std::uint32_t>(::sched_getcpu()), std::memory_order_relaxed);
    score_->asleep.store((sleep_epoch_ << 2) | static_cast<std::uint32_t>(kind), std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_seq_cst);
}

void WorkerLane::awake() {
    score_->asleep.store(0, std::memory_order_relaxed);
}

bool WorkerLane::block() {
    notify_of_room();
    pollfd entries[] = {{.fd = bell_, .events = POLLIN, .revents = 0},
                        {.fd = wake_.get(), .events = POLLIN, .revents = 0}};
    const int ready = ::poll(entries, std::size(entries), -1);
    const bool interrupted = ready < 0 && errno == EINTR;
    awake();
    for (const pollfd& entry : entries) {
        if (ready > 0 && entry.revents != 0) {
            drain_bell(entry.fd);
        }
    }
    return !interrupted;
}

void WorkerLane::wake() {
    ring_bell(wake_.get());
}

void WorkerLane::announce() {
    score_->attached.store(1, std::memory_order_release);
}

// ---- WorkerChannelSet

Result<std::unique_ptr<WorkerChannelSet>> WorkerChannelSet::map(ChannelFds fds, ChannelSet::Identity identity,
                                                                Geometry geometry) {
    if (geometry.threads < 1 || geometry.threads > kMaxThreads || geometry.lanes < 1 || geometry.lanes > kMaxLanes ||
        fds.lane_bells.size() != geometry.lanes || fds.thread_bells.size() != geometry.threads) {
        return Error{"the channels' geometry does not fit their descriptors"};
    }
    FETTLE_CHECK_OK(check_sealed_size(fds.request_file.get(), request_file_bytes(geometry)));
    FETTLE_CHECK_OK(check_sealed_size(fds.response_file.get(), response_file_bytes(geometry)));
    std::unique_ptr<WorkerChannelSet> set(new WorkerChannelSet);
    FETTLE_TRY(request, Segment::map(fds.request_file.get(), request_file_bytes(geometry), Access::ReadOnly));
    FETTLE_TRY(response, Segment::map(fds.response_file.get(), response_file_bytes(geometry), Access::ReadWrite));
    const auto& header = *reinterpret_cast<const RequestHeader*>(request.data());
    if (header.magic != kRequestMagic || header.version != kLayoutVersion || header.threads != geometry.threads ||
        header.lanes != geometry.lanes || header.seat != identity.seat ||
        header.worker_incarnation != identity.worker_incarnation ||
        header.balancer_incarnation != identity.balancer_incarnation) {
        return Error{"the channels are of another version or belong to another worker"};
    }
    auto* response_header = new (response.data()) ResponseHeader{};
    response_header->magic = kResponseMagic;
    response_header->version = kLayoutVersion;
    response_header->seat = identity.seat;
    response_header->worker_incarnation = identity.worker_incarnation;
    response_header->balancer_incarnation = identity.balancer_incarnation;
    response_header->threads = geometry.threads;
    response_header->lanes = geometry.lanes;

    set->lanes_.resize(geometry.lanes);
    for (std::uint32_t lane_index = 0; lane_index < geometry.lanes; ++lane_index) {
        WorkerLane& lane = set->lanes_[lane_index];
        lane.score_ = reinterpret_cast<LaneScore*>(response.data() + kPage) + lane_index;
        lane.bell_ = fds.lane_bells[lane_index].get();
        lane.wake_ = Fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
        if (!lane.wake_.valid()) {
            return errno_error("cannot create an eventfd for a lane");
        }
        for (std::uint32_t thread = 0; thread < geometry.threads; ++thread) {
            const std::size_t number = std::size_t{thread} * geometry.lanes + lane_index;
            lane.channels_.emplace_back(
                    reinterpret_cast<const RequestChannel*>(request.data() + request_channels_offset(geometry)) +
                            number,
                    reinterpret_cast<ResponseChannel*>(response.data() + response_channels_offset(geometry)) + number,
                    identity.worker_incarnation);
            lane.peers_.push_back({reinterpret_cast<const ThreadFlags*>(request.data() + kPage) + thread,
                                   fds.thread_bells[thread].get(), 0});
        }
    }
    set->identity_ = identity;
    set->geometry_ = geometry;
    set->fds_ = std::move(fds);
    set->request_ = std::move(request);
    set->response_ = std::move(response);
    return set;
}

}  // namespace fettle::ipc

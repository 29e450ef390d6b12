#include "ipc/balancer_channel.h"

#include "base/assert.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cstring>
#include <new>
#include <string>

namespace fettle::ipc {

namespace {

std::byte* request_channel_at(std::byte* file, Geometry geometry, std::uint32_t thread, std::uint32_t lane) {
    return file + request_channels_offset(geometry) +
           (std::size_t{thread} * geometry.lanes + lane) * sizeof(RequestChannel);
}

std::byte* response_channel_at(std::byte* file, Geometry geometry, std::uint32_t thread, std::uint32_t lane) {
    return file + response_channels_offset(geometry) +
           (std::size_t{thread} * geometry.lanes + lane) * sizeof(ResponseChannel);
}

// Copies a descriptor out of memory that its writer may change at any moment: each 8-byte word is loaded exactly once.
ResponseDescriptor load_once(const ResponseDescriptor& shared) {
    constexpr std::size_t kWords = sizeof(ResponseDescriptor) / sizeof(std::uint64_t);
    static_assert(sizeof(ResponseDescriptor) % sizeof(std::uint64_t) == 0);
    std::uint64_t words[kWords];
    const auto* source = reinterpret_cast<const std::uint64_t*>(&shared);
    for (std::size_t index = 0; index < kWords; ++index) {
        words[index] = __atomic_load_n(source + index, __ATOMIC_RELAXED);
    }
    ResponseDescriptor copy;
    std::memcpy(&copy, words, sizeof(copy));
    return copy;
}

// The pipe's end is non-blocking, and ours alone: if the pipe is full, the peer has wake-ups enough.
void ring_bell(const Fd& bell) {
    const char one = 1;
    [[maybe_unused]] const ssize_t written = ::write(bell.get(), &one, sizeof(one));
}

}  // namespace

// ---- BalancerChannel

BalancerChannel::BalancerChannel(RequestChannel* request, const ResponseChannel* response,
                                 std::uint32_t worker_incarnation)
    : request_(request),
      response_(response),
      incarnation_(worker_incarnation),
      arena_(kRequestArenaBytes, kRecordAlignment, kRingEntries),
      sequences_(kRingEntries, 0) {
    free_indexes_.reserve(kRingEntries);
    for (std::uint32_t index = kRingEntries; index > 0; --index) {
        free_indexes_.push_back(static_cast<std::uint16_t>(index - 1));
    }
}

bool BalancerChannel::refresh_consumed() {
    const std::uint64_t consumed = response_->consumed.load(std::memory_order_acquire);
    if (consumed < arena_.released() || consumed > arena_.committed()) {
        (void)violated(Violation::Cursor);
        return false;
    }
    arena_.release_until(consumed);
    return true;
}

bool BalancerChannel::can_push_request(std::uint32_t bytes) {
    return in_flight_ < kMaxInFlight && has_room(bytes);
}

bool BalancerChannel::has_room(std::uint32_t bytes) {
    return !violation_ && refresh_consumed() && !arena_.full() && arena_.largest_free() >= bytes;
}

std::span<std::byte> BalancerChannel::reserve(std::uint32_t bytes) {
    if (violation_ || !refresh_consumed()) {
        return {};
    }
    const std::optional<std::uint32_t> offset = arena_.reserve(bytes);
    if (!offset || arena_.full()) {
        return {};
    }
    reserved_offset_ = *offset;
    reserved_bytes_ = bytes;
    return {request_->arena + *offset, bytes};
}

void BalancerChannel::publish(RequestKey key, RequestKind kind, std::uint32_t used, bool last,
                              std::uint64_t arrived_ns) {
    FETTLE_ASSERT(used <= reserved_bytes_, "more was written than reserved");
    const std::uint64_t number = arena_.committed();
    RequestDescriptor& descriptor = request_->ring[number % kRingEntries];
    descriptor.sequence = key.sequence;
    descriptor.index = static_cast<std::uint16_t>(key.index);
    descriptor.kind = static_cast<std::uint8_t>(kind);
    descriptor.flags = last ? kFlagLast : std::uint8_t{0};
    descriptor.offset = used > 0 ? reserved_offset_ : 0;
    descriptor.length = used;
    descriptor.arrived_ns = arrived_ns;
    arena_.commit(used);
    reserved_bytes_ = 0;
    request_->published.store(number + 1, std::memory_order_release);
}

RequestKey BalancerChannel::push_request(std::uint32_t used, bool last, std::uint64_t arrived_ns) {
    FETTLE_ASSERT(!free_indexes_.empty() && in_flight_ < kMaxInFlight, "push_request needs can_push_request");
    RequestKey key{next_sequence_, free_indexes_.back()};
    free_indexes_.pop_back();
    next_sequence_ = next_sequence_ == ~0U ? 1 : next_sequence_ + 1;  // 0 means "none"
    sequences_[key.index] = key.sequence;
    ++in_flight_;
    PerRequest& words = request_->per_request[key.index];
    words.cancel.store(0, std::memory_order_relaxed);
    words.credit.store(kSizedWindow, std::memory_order_relaxed);
    publish(key, RequestKind::Request, used, last, arrived_ns);
    return key;
}

void BalancerChannel::push_body(RequestKey key, std::uint32_t used, bool last) {
    publish(key, RequestKind::Body, used, last, 0);
}

bool BalancerChannel::push_abort(RequestKey key) {
    if (violation_ || !refresh_consumed() || arena_.full()) {
        return false;
    }
    publish(key, RequestKind::Abort, 0, true, 0);
    return true;
}

void BalancerChannel::set_credit(RequestKey key, std::uint64_t bytes) {
    request_->per_request[key.index].credit.store(bytes, std::memory_order_release);
}

std::uint64_t BalancerChannel::credit(RequestKey key) const {
    return request_->per_request[key.index].credit.load(std::memory_order_relaxed);
}

BalancerChannel::Cancel BalancerChannel::cancel(RequestKey key) {
    return store_cancel(key, key.sequence);
}

BalancerChannel::Cancel BalancerChannel::cancel_for_good(RequestKey key) {
    return store_cancel(key, key.sequence | kClientLeft);
}

BalancerChannel::Cancel BalancerChannel::store_cancel(RequestKey key, std::uint64_t word) {
    std::atomic<std::uint64_t>& cancel = request_->per_request[key.index].cancel;
    if (cancel.load(std::memory_order_relaxed) != (key.sequence | kClientLeft)) {
        cancel.store(word, std::memory_order_relaxed);
    }
    // Pairs with the fence in WorkerChannel::claim: at least one side sees the other's store.
    std::atomic_thread_fence(std::memory_order_seq_cst);
    switch (state(key)) {
        case RequestState::Queued:
        case RequestState::Dropped:
            return Cancel::Revoked;
        case RequestState::Claimed:
        case RequestState::Responding:
        case RequestState::Done:
            return Cancel::TooLate;
    }
    return Cancel::TooLate;
}

RequestState BalancerChannel::state(RequestKey key) const {
    const std::uint64_t word = response_->state[key.index].load(std::memory_order_acquire);
    for (const RequestState state :
         {RequestState::Claimed, RequestState::Responding, RequestState::Done, RequestState::Dropped}) {
        if (word == state_word(incarnation_, key.sequence, state)) {
            return state;
        }
    }
    return RequestState::Queued;
}

bool BalancerChannel::known(RequestKey key) const {
    return key.index < kRingEntries && key.sequence != 0 && sequences_[key.index] == key.sequence;
}

BalancerChannel::Peek BalancerChannel::peek(ResponseMessage& message) {
    if (violation_) {
        return Peek::Violation;
    }
    const std::uint64_t published = response_->published.load(std::memory_order_acquire);
    if (published == harvested_) {
        return Peek::Empty;
    }
    if (published - harvested_ > kRingEntries) {
        return violated(Violation::Cursor);
    }
    const ResponseDescriptor descriptor = load_once(response_->ring[harvested_ % kRingEntries]);
    const RequestKey key{descriptor.sequence, descriptor.index};
    const auto kind = static_cast<ResponseKind>(descriptor.kind);
    const bool kind_known = kind >= ResponseKind::Head && kind <= ResponseKind::Continue;
    const bool in_arena =
            descriptor.offset <= kResponseArenaBytes && descriptor.length <= kResponseArenaBytes - descriptor.offset;
    const bool must_be_last =
            kind == ResponseKind::End || kind == ResponseKind::Failed || kind == ResponseKind::Dropped;
    const bool last = (descriptor.flags & kFlagLast) != 0;
    if (!kind_known || !in_arena || (must_be_last && (!last || descriptor.length > 0)) ||
        (kind == ResponseKind::Continue && (last || descriptor.length > 0))) {
        return violated(Violation::Descriptor);
    }
    if (!known(key)) {
        return violated(Violation::Request);
    }
    message = ResponseMessage{
            key, kind, last, {response_->arena + descriptor.offset, descriptor.length}, descriptor.app_ns};
    peeked_ = message;
    return Peek::Message;
}

BalancerChannel::Peek BalancerChannel::violated(Violation violation) {
    violation_ = violation;
    return Peek::Violation;
}

void BalancerChannel::pop() {
    if (peeked_.last) {
        sequences_[peeked_.key.index] = 0;
        free_indexes_.push_back(static_cast<std::uint16_t>(peeked_.key.index));
        --in_flight_;
    }
    ++harvested_;
    request_->consumed.store(harvested_, std::memory_order_release);
}

// ---- ChannelSet

Result<std::unique_ptr<ChannelSet>> ChannelSet::create(Identity identity, Geometry geometry) {
    FETTLE_ASSERT(geometry.threads >= 1 && geometry.threads <= kMaxThreads && geometry.lanes >= 1 &&
                          geometry.lanes <= kMaxLanes,
                  "a channel set has at least one channel and fits one control message");
    std::unique_ptr<ChannelSet> set(new ChannelSet(identity, geometry));
    const std::string suffix = std::to_string(identity.seat) + "." + std::to_string(identity.worker_incarnation);
    FETTLE_TRY(request_file, create_memory_file("fettle-req-" + suffix, request_file_bytes(geometry)));
    FETTLE_TRY(response_file, create_memory_file("fettle-rsp-" + suffix, response_file_bytes(geometry)));
    set->request_file_ = std::move(request_file);
    set->response_file_ = std::move(response_file);
    // The order matters: the only writable mapping of the request side is made before the seal that forbids others.
    FETTLE_TRY(request, Segment::map(set->request_file_.get(), request_file_bytes(geometry), Access::ReadWrite));
    FETTLE_CHECK_OK(seal_size_and_future_writes(set->request_file_.get()));
    FETTLE_CHECK_OK(seal_size(set->response_file_.get()));
    FETTLE_TRY(response, Segment::map(set->response_file_.get(), response_file_bytes(geometry), Access::ReadOnly));
    set->request_ = std::move(request);
    set->response_ = std::move(response);

    new (set->request_.data()) RequestHeader{
            .magic = kRequestMagic,
            .version = kLayoutVersion,
            .seat = identity.seat,
            .worker_incarnation = identity.worker_incarnation,
            .balancer_incarnation = identity.balancer_incarnation,
            .threads = geometry.threads,
            .lanes = geometry.lanes,
    };
    for (std::uint32_t lane = 0; lane < geometry.lanes; ++lane) {
        int ends[2];
        if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) {
            return errno_error("cannot create a pipe for a worker's channels");
        }
        set->lane_bells_of_worker_.emplace_back(ends[0]);
        set->lane_bells_.emplace_back(ends[1]);
    }
    for (std::uint32_t thread = 0; thread < geometry.threads; ++thread) {
        Fd bell(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
        if (!bell.valid()) {
            return errno_error("cannot create an eventfd for a worker's channels");
        }
        set->thread_bells_.push_back(std::move(bell));
    }
    set->channels_.reserve(std::size_t{geometry.threads} * geometry.lanes);
    for (std::uint32_t thread = 0; thread < geometry.threads; ++thread) {
        for (std::uint32_t lane = 0; lane < geometry.lanes; ++lane) {
            set->channels_.emplace_back(
                    reinterpret_cast<RequestChannel*>(request_channel_at(set->request_.data(), geometry, thread, lane)),
                    reinterpret_cast<const ResponseChannel*>(
                            response_channel_at(set->response_.data(), geometry, thread, lane)),
                    identity.worker_incarnation);
        }
    }
    set->rung_ = std::make_unique<std::atomic<std::uint32_t>[]>(geometry.lanes);
    set->sleep_epochs_.assign(geometry.threads, 0);
    return set;
}

BalancerChannel& ChannelSet::channel(std::uint32_t thread, std::uint32_t lane) {
    return channels_[std::size_t{thread} * geometry_.lanes + lane];
}

Result<ChannelFds> ChannelSet::duplicate_fds() const {
    ChannelFds fds;
    FETTLE_TRY(request_file, request_file_.duplicate());
    FETTLE_TRY(response_file, response_file_.duplicate());
    fds.request_file = std::move(request_file);
    fds.response_file = std::move(response_file);
    for (const Fd& bell : lane_bells_of_worker_) {
        FETTLE_TRY(copy, bell.duplicate());
        fds.lane_bells.push_back(std::move(copy));
    }
    for (const Fd& bell : thread_bells_) {
        FETTLE_TRY(copy, bell.duplicate());
        fds.thread_bells.push_back(std::move(copy));
    }
    return fds;
}

int ChannelSet::thread_bell(std::uint32_t thread) const {
    return thread_bells_[thread].get();
}

void ChannelSet::drain_thread_bell(std::uint32_t thread) {
    // Not read(2): the worker shares the eventfd, and may have made it block and emptied it.
    std::uint64_t count = 0;
    const iovec part{.iov_base = &count, .iov_len = sizeof(count)};
    [[maybe_unused]] const ssize_t got = ::preadv2(thread_bells_[thread].get(), &part, 1, -1, RWF_NOWAIT);
}

const LaneScore& ChannelSet::score(std::uint32_t lane) const {
    return reinterpret_cast<const LaneScore*>(response_.data() + kPage)[lane];
}

ThreadFlags& ChannelSet::flags(std::uint32_t thread) {
    return reinterpret_cast<ThreadFlags*>(request_.data() + kPage)[thread];
}

void ChannelSet::set_asleep(std::uint32_t thread, bool asleep, bool wants_room) {
    if (!asleep) {
        flags(thread).asleep.store(0, std::memory_order_relaxed);
        return;
    }
    std::uint32_t& epoch = sleep_epochs_[thread];
    epoch = epoch == ~0U >> 1 ? 1 : epoch + 1;
    flags(thread).asleep.store(epoch << 1 | (wants_room ? kWantsRoom : 0U), std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_seq_cst);
}

void ChannelSet::ring_if_asleep(std::uint32_t lane) {
    std::atomic_thread_fence(std::memory_order_seq_cst);
    const std::uint32_t word = score(lane).asleep.load(std::memory_order_relaxed);
    if (word != 0 && rung_[lane].exchange(word, std::memory_order_relaxed) != word) {
        ring_bell(lane_bells_[lane]);
    }
}

bool ChannelSet::shares_cpu(std::uint32_t lane) const {
    return score(lane).cpu.load(std::memory_order_relaxed) == static_cast<std::uint32_t>(::sched_getcpu());
}

void ChannelSet::ring_if_blocked(std::uint32_t lane) {
    std::atomic_thread_fence(std::memory_order_seq_cst);
    const std::uint32_t word = score(lane).asleep.load(std::memory_order_relaxed);
    if ((word & 3U) == static_cast<std::uint32_t>(LaneSleep::Blocked) &&
        rung_[lane].exchange(word, std::memory_order_relaxed) != word) {
        ring_bell(lane_bells_[lane]);
    }
}

void ChannelSet::ring(std::uint32_t lane) {
    ring_bell(lane_bells_[lane]);
}

bool ChannelSet::lane_attached(std::uint32_t lane) const {
    return score(lane).attached.load(std::memory_order_acquire) != 0;
}

}  // namespace fettle::ipc

#include "worker/native/worker.h"

#include <unistd.h>

#include <iterator>

namespace fettle::worker {

namespace {

ipc::ChannelFds sort_fds(std::vector<Fd> fds, std::uint32_t lanes) {
    const auto take = [&](std::size_t from, std::size_t count) {
        const auto first = fds.begin() + static_cast<std::ptrdiff_t>(from);
        return std::vector<Fd>(std::make_move_iterator(first),
                               std::make_move_iterator(first + static_cast<std::ptrdiff_t>(count)));
    };
    ipc::ChannelFds sorted;
    sorted.lane_bells = take(2, lanes);
    sorted.thread_bells = take(2 + lanes, fds.size() - 2 - lanes);
    sorted.request_file = std::move(fds[0]);
    sorted.response_file = std::move(fds[1]);
    return sorted;
}

}  // namespace

Worker::Worker(ipc::ControlSocket control, Fd wake, ipc::WorkerId id)
    : control_(std::move(control)), wake_(std::move(wake)), id_(id), owner_(::getpid()) {}

std::shared_ptr<Attachment> Worker::attachment() const {
    const std::lock_guard lock(mutex_);
    return attachment_;
}

void Worker::leave() {
    if (::getpid() != owner_) {
        return;
    }
    leave_requested_.store(true);
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = ::write(wake_.get(), &one, sizeof(one));  // a full counter wakes already
}

std::optional<std::uint32_t> Worker::take_slot() {
    const std::lock_guard lock(mutex_);
    if (taken_ == slots_) {
        return std::nullopt;
    }
    const std::uint32_t lane = taken_++;
    if (taken_ == slots_) {
        // If the supervisor is gone, the service thread learns it by the end of the socket.
        (void)control_.send(ipc::Ready{.worker = id_});
    }
    return lane;
}

std::uint32_t Worker::free_slots() const {
    const std::lock_guard lock(mutex_);
    return slots_ - taken_;
}

void Worker::slot_ended() {
    const std::lock_guard lock(mutex_);
    ++ended_;
    changed_.notify_all();
}

std::optional<std::uint32_t> Worker::wait_attached(std::chrono::milliseconds at_most) {
    std::unique_lock lock(mutex_);
    loaded_ = true;
    const bool known = changed_.wait_for(lock, at_most, [&] { return slots_ != 0 || stopping(); });
    if (!known) {
        return std::nullopt;
    }
    return stopping() ? 0 : slots_;
}

bool Worker::wait_slots(std::chrono::milliseconds at_most) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, at_most, [&] { return ended_ == slots_; });
}

Result<void> Worker::attach(const ipc::Attach& message, std::vector<Fd> fds) {
    const ipc::Geometry geometry{.threads = message.threads, .lanes = message.lanes};
    if (message.worker != id_) {
        return Error{"the channels are for another worker"};
    }
    if (message.slots < 1 || message.slots > message.lanes ||
        fds.size() != std::size_t{2} + message.lanes + message.threads) {
        return Error{"the message contradicts itself"};
    }
    {
        const std::lock_guard lock(mutex_);
        if (slots_ > message.lanes) {
            return Error{"there are fewer lanes than running slots"};
        }
    }
    FETTLE_TRY(channels, ipc::WorkerChannelSet::map(sort_fds(std::move(fds), message.lanes),
                                                    {.seat = id_.seat,
                                                     .worker_incarnation = id_.incarnation,
                                                     .balancer_incarnation = message.balancer_incarnation},
                                                    geometry));
    auto fresh = std::make_shared<Attachment>(std::move(channels));
    std::shared_ptr<Attachment> old;
    {
        const std::lock_guard lock(mutex_);
        old = std::exchange(attachment_, std::move(fresh));
        slots_ = slots_ == 0 ? message.slots : slots_;
        // Before the slots can run, so that the supervisor hears of it before it hears Ready.
        (void)control_.send(ipc::Attached{.worker = id_, .balancer_incarnation = message.balancer_incarnation});
        changes_.fetch_add(1, std::memory_order_release);
        changed_.notify_all();
    }
    if (old) {
        old->abandoned.store(true, std::memory_order_release);
        wake_slots(old);
    }
    return {};
}

bool Worker::stop() {
    std::shared_ptr<Attachment> current;
    bool loaded = false;
    {
        const std::lock_guard lock(mutex_);
        stopping_.store(true, std::memory_order_release);
        changes_.fetch_add(1, std::memory_order_release);
        changed_.notify_all();
        current = attachment_;
        loaded = loaded_;
    }
    if (current) {
        wake_slots(current);
    }
    return loaded;
}

void Worker::nudge_main_thread() {
    const std::lock_guard lock(mutex_);
    if (slots_ == 1) {
        attachment_->channels->lane(0).wake();
    }
}

void Worker::wake_slots(const std::shared_ptr<Attachment>& attachment) {
    for (std::uint32_t lane = 0; lane < attachment->channels->geometry().lanes; ++lane) {
        attachment->channels->lane(lane).wake();
    }
}

}  // namespace fettle::worker

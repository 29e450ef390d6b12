#include "worker/native/lane/request_body.h"

#include <algorithm>

namespace fettle::worker {

void RequestBody::begin(std::span<const std::byte> first, bool last, std::optional<std::uint64_t> length,
                        bool expects_continue) {
    unread_ = first;
    complete_ = last;
    aborted_ = false;
    send_continue_ = expects_continue;
    to_come_ = length ? std::optional(*length - std::min<std::uint64_t>(*length, first.size())) : std::nullopt;
}

void RequestBody::consume(std::size_t bytes) {
    unread_ = unread_.subspan(bytes);
    if (bytes > 0 && unread_.empty()) {
        exchange_.inbox()
                .release();  // the balancer may fill this space while the application works on what it has read
    }
}

std::optional<std::uint64_t> RequestBody::remaining() const {
    if (complete_) {
        return unread_.size();
    }
    return to_come_ ? std::optional(*to_come_ + unread_.size()) : std::nullopt;
}

Io RequestBody::fill(Mode mode) {
    while (unread_.empty() && !complete_) {
        if (aborted_ || exchange_.gone()) {
            return Io::Gone;
        }
        if (next_piece()) {
            continue;
        }
        if (mode == Mode::Try) {
            return Io::WouldBlock;
        }
        if (const Io io = send_continue(); io != Io::Done) {
            return io;
        }
        const Io io = exchange_.wait([&] { return next_piece(); }, [&] { return exchange_.gone(); });
        if (io != Io::Done) {
            return io;
        }
    }
    return Io::Done;
}

// True if there was one: a piece of the body, or the news that no more will come.
bool RequestBody::next_piece() {
    const auto message = exchange_.inbox().next_piece(exchange_.request().key);
    if (!message) {
        return false;
    }
    aborted_ = message->kind == ipc::RequestKind::Abort;
    if (!aborted_) {
        unread_ = message->payload;
        complete_ = message->last;
        if (to_come_) {
            to_come_ = *to_come_ - std::min<std::uint64_t>(*to_come_, unread_.size());
        }
    }
    return true;
}

Io RequestBody::send_continue() {
    if (!send_continue_ || exchange_.response_began()) {
        return Io::Done;
    }
    const Io io = exchange_.wait([&] { return exchange_.channel().writable() > 0; }, [&] { return exchange_.gone(); });
    if (io == Io::Done) {
        exchange_.publish(ipc::ResponseKind::Continue, 0, false, 0);
        send_continue_ = false;
    }
    return io;
}

}  // namespace fettle::worker

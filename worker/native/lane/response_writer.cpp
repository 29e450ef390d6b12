#include "worker/native/lane/response_writer.h"

#include <algorithm>
#include <cstring>

namespace fettle::worker {

namespace {

// Of a body that is larger than the window: so that the balancer passes one piece on while the next is copied. What
// fits the window goes in one piece: the kernel takes that at a much lower price than several.
constexpr std::uint64_t kPieceOfMany = 256 * 1024;

}  // namespace

void ResponseWriter::begin(bool head_request) {
    head_.clear();
    space_ = {};
    head_space_ = {};
    body_bytes_ = 0;
    head_request_ = head_request;
    head_sent_ = false;
    start_called_ = false;
}

void ResponseWriter::declare_length(std::uint64_t bytes) {
    const bool tells = bytes > 0 || !bodyless();
    if (!head_sent_ && !head_.content_length() && head_.allows_body() && tells) {
        (void)head_.add_content_length(bytes);  // if there is no room for it, it stays undeclared
    }
}

std::uint64_t ResponseWriter::wanted(std::uint64_t bytes) const {
    if (bodyless()) {
        return 0;
    }
    return head_.content_length() ? std::min(bytes, *head_.content_length() - body_bytes_) : bytes;
}

bool ResponseWriter::satisfied() const {
    return bodyless() || !head_.content_length() || body_bytes_ == *head_.content_length();
}

Io ResponseWriter::send(std::span<const std::byte>& rest, Mode mode) {
    rest = rest.first(wanted(rest.size()));
    if (exchange_.gone()) {
        return Io::Gone;  // although there may be nothing left to send: the application is to stop
    }
    while (!rest.empty()) {
        std::span<std::byte> space;
        if (const Io io = reserve(rest.size(), mode, space); io != Io::Done) {
            return io;
        }
        std::memcpy(space.data(), rest.data(), space.size());
        rest = rest.subspan(space.size());
        commit(static_cast<std::uint32_t>(space.size()));
    }
    return Io::Done;
}

Io ResponseWriter::reserve(std::uint64_t most, Mode mode, std::span<std::byte>& space) {
    if (exchange_.gone()) {
        return Io::Gone;
    }
    const std::uint64_t asked = most <= ipc::kSizedWindow ? most : kPieceOfMany;
    std::uint32_t bytes = room(asked);
    if (bytes == 0) {
        if (mode == Mode::Try) {
            return Io::WouldBlock;
        }
        const auto ready = [&] {
            bytes = room(asked);
            return bytes > 0;
        };
        if (const Io io = exchange_.wait(ready, [&] { return exchange_.gone(); }); io != Io::Done) {
            return io;
        }
    }
    open(bytes);
    space = space_;
    return Io::Done;
}

void ResponseWriter::commit(std::uint32_t used) {
    publish(used, false, 0);
}

std::optional<std::span<std::byte>> ResponseWriter::reserve_whole(std::uint64_t bytes) {
    const std::uint64_t record = head_.record_bytes() + bytes;
    // The whole window, even without a declared length: this body's length is known by its end.
    if (head_sent_ || bytes > exchange_.channel().credit(exchange_.request().key) ||
        record > exchange_.channel().writable()) {
        return std::nullopt;
    }
    open(static_cast<std::uint32_t>(bytes));
    return space_;
}

void ResponseWriter::commit_whole(std::uint64_t app_ns) {
    publish(static_cast<std::uint32_t>(space_.size()), true, app_ns);
}

Io ResponseWriter::finish(Ending ending, std::uint64_t app_ns, Mode mode) {
    const bool head_now = ending == Ending::Complete && !head_sent_;
    const std::uint32_t needed = head_now ? head_.record_bytes() : 1;
    const auto ready = [&] { return exchange_.channel().writable() >= needed; };
    if (exchange_.abandoned()) {
        return Io::Gone;
    }
    if (!ready()) {
        if (mode == Mode::Try) {
            return Io::WouldBlock;
        }
        if (const Io io = exchange_.wait(ready, [&] { return exchange_.abandoned(); }); io != Io::Done) {
            return io;
        }
    }
    if (head_now) {
        open(0);
        publish(0, true, app_ns);
    } else {
        const bool complete = ending == Ending::Complete;
        exchange_.publish(complete ? ipc::ResponseKind::End : ipc::ResponseKind::Failed, 0, true, app_ns);
    }
    return Io::Done;
}

// How many of `bytes` are to be published now, in one piece; 0: wait, for the balancer to grant more or to take what
// the arena holds. Credit comes at the client's pace and may cut a piece. Room never depends on the client and suffices
// once the arena is empty, so a piece waits for it rather than be cut into crumbs.
std::uint32_t ResponseWriter::room(std::uint64_t bytes) {
    const std::uint64_t allowed = std::min(bytes, credit());
    const std::uint32_t record = head_sent_ ? 0 : head_.record_bytes();
    return record + allowed <= exchange_.channel().writable() ? static_cast<std::uint32_t>(allowed) : 0;
}

// Body bytes that may be published now.
std::uint64_t ResponseWriter::credit() {
    const std::uint64_t withheld = head_.content_length() ? 0 : ipc::kSizedWindow - ipc::kStreamWindow;
    const std::uint64_t used = body_bytes_ + withheld;
    const std::uint64_t granted = exchange_.channel().credit(exchange_.request().key);
    return granted > used ? granted - used : 0;
}

void ResponseWriter::open(std::uint32_t bytes) {
    const std::uint32_t record = head_sent_ ? 0 : head_.record_bytes();
    const std::span<std::byte> all = exchange_.channel().reserve(record + bytes);
    head_space_ = all.first(record);
    space_ = all.subspan(record);
}

// Publishes the first `used` bytes of the open space, with the head if that is still to be sent.
void ResponseWriter::publish(std::uint32_t used, bool last, std::uint64_t app_ns) {
    if (!head_sent_) {
        head_.write(head_space_, used);
    }
    const auto kind = head_sent_ ? ipc::ResponseKind::Body : ipc::ResponseKind::Head;
    const auto bytes = static_cast<std::uint32_t>(head_space_.size()) + used;
    head_sent_ = true;
    body_bytes_ += used;
    exchange_.publish(kind, bytes, last, app_ns);
}

}  // namespace fettle::worker

#include "balancer/proxy/client_output.h"

#include "base/assert.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

namespace fettle::balancer {

namespace {
constexpr std::size_t kLargestPooled = 64 * 1024;  // a larger buffer goes back to the heap
constexpr std::size_t kMaxPieces = 4;
const std::size_t kWithoutHeap = std::string().capacity();

std::size_t bytes_of(const std::string& buffer) {
    return sizeof(buffer) + buffer.capacity();
}

}  // namespace

std::string BufferPool::take() {
    if (free_.empty()) {
        return {};
    }
    std::string buffer = std::move(free_.back());
    free_.pop_back();
    bytes_ -= bytes_of(buffer);
    return buffer;
}

void BufferPool::give(std::string buffer) {
    const std::size_t bytes = bytes_of(buffer);
    if (buffer.capacity() > kWithoutHeap && bytes <= kLargestPooled && bytes_ + bytes <= kMostBytes) {
        bytes_ += bytes;
        buffer.clear();
        free_.push_back(std::move(buffer));
    }
}

ClientOutput::~ClientOutput() {
    clear();
}

std::string& ClientOutput::tail() {
    // A few bytes fit into the string object itself, so that its capacity alone does not tell that it is unused.
    if (buffer_.empty() && buffer_.capacity() == kWithoutHeap) {
        buffer_ = pool_.take();
    }
    return buffer_;
}

ClientOutput::Sent ClientOutput::send(int fd, std::span<const std::string_view> more) {
    FETTLE_ASSERT(more.size() < kMaxPieces, "a response is sent in few pieces");
    std::array<iovec, kMaxPieces> parts{};
    std::size_t count = 0;
    std::size_t total = 0;
    const auto add = [&](std::string_view piece) {
        if (!piece.empty()) {
            parts[count++] = {.iov_base = const_cast<char*>(piece.data()), .iov_len = piece.size()};
            total += piece.size();
        }
    };
    const std::size_t kept = size();
    add(std::string_view(buffer_).substr(start_));
    for (const std::string_view piece : more) {
        add(piece);
    }
    if (total == 0) {
        return Sent::All;
    }
    msghdr header{};
    header.msg_iov = parts.data();
    header.msg_iovlen = count;
    ssize_t result = -1;
    do {
        // One piece is the usual case, and costs the kernel less this way.
        result = count == 1 ? ::send(fd, parts[0].iov_base, parts[0].iov_len, MSG_NOSIGNAL)
                            : ::sendmsg(fd, &header, MSG_NOSIGNAL);
    } while (result < 0 && errno == EINTR);
    if (result < 0 && errno != EAGAIN) {
        return Sent::Broken;
    }
    const std::size_t sent = result < 0 ? 0 : static_cast<std::size_t>(result);
    if (sent == total) {
        clear();
        return Sent::All;
    }
    std::size_t skip = sent > kept ? sent - kept : 0;  // of `more`
    drop_front(sent - skip);
    for (const std::string_view piece : more) {
        const std::size_t gone = std::min(skip, piece.size());
        tail().append(piece.substr(gone));
        skip -= gone;
    }
    return sent == 0 ? Sent::Nothing : Sent::Some;
}

void ClientOutput::drop_front(std::size_t bytes) {
    start_ += bytes;
    // Moving the rest to the front pays once it is the smaller part.
    if (start_ >= size()) {
        buffer_.erase(0, start_);
        start_ = 0;
    }
}

void ClientOutput::clear() {
    start_ = 0;
    pool_.give(std::exchange(buffer_, std::string()));
}

}  // namespace fettle::balancer

#include "ipc/control_outbox.h"

#include <fcntl.h>

#include <cerrno>
#include <utility>

namespace fettle::ipc {

namespace {

// The peer has not read enough yet: its buffer is full, or too many descriptors are on their way to it.
bool may_be_sent_later(const Error& error) {
    const int number = error.code.value();
    return number == EAGAIN || number == ETOOMANYREFS || number == ENOBUFS;
}

}  // namespace

Result<void> ControlOutbox::send_or_keep(const ControlSocket& socket, SendOne send, std::span<const int> fds) {
    if (!waiting_.empty()) {
        return keep(std::move(send), fds);
    }
    auto sent = send(socket, fds);
    return !sent && may_be_sent_later(sent.error()) ? keep(std::move(send), fds) : sent;
}

Result<void> ControlOutbox::keep(SendOne send, std::span<const int> fds) {
    if (waiting_.size() == kMaxWaiting) {
        return errno_error("too many control messages wait to be read", EAGAIN);
    }
    Waiting waiting{std::move(send), {}};
    for (const int fd : fds) {
        Fd copy(::fcntl(fd, F_DUPFD_CLOEXEC, 3));
        if (!copy.valid()) {
            return errno_error("cannot keep a descriptor for a control message");
        }
        waiting.fds.push_back(std::move(copy));
    }
    waiting_.push_back(std::move(waiting));
    return {};
}

bool ControlOutbox::flush(const ControlSocket& socket) {
    bool progress = false;
    while (!waiting_.empty()) {
        std::vector<int> fds;
        for (const Fd& fd : waiting_.front().fds) {
            fds.push_back(fd.get());
        }
        const auto sent = waiting_.front().send(socket, fds);
        if (!sent && may_be_sent_later(sent.error())) {
            break;
        }
        waiting_.pop_front();
        progress = true;
    }
    return progress;
}

}  // namespace fettle::ipc

#include "supervisor/process/control_link.h"

#include <fcntl.h>

#include <cerrno>
#include <utility>

namespace fettle::supervisor {

namespace {

// One child that sends without end must not keep the loop; the rest is read in the next turn.
constexpr int kMessagesPerTurn = 64;
// More than a socket's buffer holds. A dead child's own children may have inherited the socket and write on.
constexpr int kMessagesAtMost = 4096;

// The child has not read enough yet: its buffer is full, or too many descriptors are on their way to it.
bool may_be_sent_later(const Error& error) {
    const int number = error.code.value();
    return number == EAGAIN || number == ETOOMANYREFS || number == ENOBUFS;
}

}  // namespace

ControlLink::ControlLink(loop::Loop& loop, ipc::ControlSocket socket, Callbacks callbacks, Duration stall_limit)
    : socket_(std::move(socket)),
      callbacks_(std::move(callbacks)),
      stall_limit_(stall_limit),
      stall_(loop, [this] { callbacks_.stalled(); }) {}

Result<std::unique_ptr<ControlLink>> ControlLink::open(loop::Loop& loop, ipc::ControlSocket socket, Callbacks callbacks,
                                                       Duration stall_limit) {
    std::unique_ptr<ControlLink> link(new ControlLink(loop, std::move(socket), std::move(callbacks), stall_limit));
    FETTLE_TRY(poll, loop::Poll::create(loop, link->socket_.fd(),
                                        [self = link.get()](loop::Readiness readiness) { self->on_ready(readiness); }));
    link->poll_.emplace(std::move(poll));
    link->poll_->set(loop::Interest::Read);
    return link;
}

void ControlLink::on_ready(loop::Readiness readiness) {
    if (readiness.writable) {
        send_waiting();
    }
    read(kMessagesPerTurn);
}

void ControlLink::read_rest() {
    read(kMessagesAtMost);
}

void ControlLink::read(int at_most) {
    ipc::Envelope envelope;
    for (int count = 0; poll_ && count < at_most; ++count) {
        switch (socket_.receive(envelope)) {
            case ipc::ControlSocket::Status::Message:
                callbacks_.message(envelope);
                break;
            case ipc::ControlSocket::Status::Empty:
                return;
            case ipc::ControlSocket::Status::Closed:
                poll_.reset();
                stall_.stop();
                callbacks_.closed();
                return;
        }
    }
}

void ControlLink::close() {
    poll_.reset();
    stall_.stop();
    waiting_.clear();
    socket_ = ipc::ControlSocket();
}

Result<void> ControlLink::send_or_keep(SendOne send, std::span<const int> fds) {
    if (!poll_) {
        return errno_error("the control socket is closed", EPIPE);
    }
    if (!waiting_.empty()) {
        return keep(std::move(send), fds);
    }
    auto sent = send(socket_, fds);
    return !sent && may_be_sent_later(sent.error()) ? keep(std::move(send), fds) : sent;
}

Result<void> ControlLink::keep(SendOne send, std::span<const int> fds) {
    if (waiting_.size() == kMaxWaiting) {
        return errno_error("too many control messages wait for a child", EAGAIN);
    }
    Waiting waiting{std::move(send), {}};
    for (const int fd : fds) {
        Fd copy(::fcntl(fd, F_DUPFD_CLOEXEC, 3));
        if (!copy.valid()) {
            return errno_error("cannot keep a descriptor for a child");
        }
        waiting.fds.push_back(std::move(copy));
    }
    waiting_.push_back(std::move(waiting));
    if (waiting_.size() == 1) {
        poll_->set(loop::Interest::ReadWrite);
        stall_.start(stall_limit_);
    }
    return {};
}

void ControlLink::send_waiting() {
    bool progress = false;
    while (!waiting_.empty()) {
        std::vector<int> fds;
        for (const Fd& fd : waiting_.front().fds) {
            fds.push_back(fd.get());
        }
        const auto sent = waiting_.front().send(socket_, fds);
        if (!sent && may_be_sent_later(sent.error())) {
            break;
        }
        // Sent, or the child is gone: its end is noticed when reading.
        waiting_.pop_front();
        progress = true;
    }
    if (waiting_.empty()) {
        poll_->set(loop::Interest::Read);
        stall_.stop();
    } else if (progress) {
        stall_.start(stall_limit_);
    }
}

}  // namespace fettle::supervisor

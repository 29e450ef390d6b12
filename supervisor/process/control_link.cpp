#include "supervisor/process/control_link.h"

#include <utility>

namespace fettle::supervisor {

namespace {

// One child that sends without end must not keep the loop; the rest is read in the next turn.
constexpr int kMessagesPerTurn = 64;
// More than a socket's buffer holds. A dead child's own children may have inherited the socket and write on.
constexpr int kMessagesAtMost = 4096;

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
    outbox_.clear();
    socket_ = ipc::ControlSocket();
}

void ControlLink::watch_for_room() {
    if (!outbox_.empty() && !stall_.active()) {
        poll_->set(loop::Interest::ReadWrite);
        stall_.start(stall_limit_);
    }
}

void ControlLink::send_waiting() {
    const bool progress = outbox_.flush(socket_);
    if (outbox_.empty()) {
        poll_->set(loop::Interest::Read);
        stall_.stop();
    } else if (progress) {
        stall_.start(stall_limit_);
    }
}

}  // namespace fettle::supervisor

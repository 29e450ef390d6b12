#include "supervisor/process/control_link.h"

#include <utility>

namespace fettle::supervisor {

namespace {
// One child that sends without end must not keep the loop; the rest is read in the next turn.
constexpr int kMessagesPerTurn = 64;
// More than a socket's buffer holds. A dead child's own children may have inherited the socket and write on.
constexpr int kMessagesAtMost = 4096;
}  // namespace

ControlLink::ControlLink(ipc::ControlSocket socket, Callbacks callbacks)
    : socket_(std::move(socket)), callbacks_(std::move(callbacks)) {}

Result<std::unique_ptr<ControlLink>> ControlLink::open(loop::Loop& loop, ipc::ControlSocket socket,
                                                       Callbacks callbacks) {
    std::unique_ptr<ControlLink> link(new ControlLink(std::move(socket), std::move(callbacks)));
    FETTLE_TRY(poll, loop::Poll::create(loop, link->socket_.fd(),
                                        [self = link.get()](loop::Readiness) { self->read(kMessagesPerTurn); }));
    link->poll_.emplace(std::move(poll));
    link->poll_->set(loop::Interest::Read);
    return link;
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
                callbacks_.closed();
                return;
        }
    }
}

void ControlLink::close() {
    poll_.reset();
    socket_ = ipc::ControlSocket();
}

}  // namespace fettle::supervisor

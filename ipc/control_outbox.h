// ControlOutbox: control messages that the peer has no room for yet, in order, with copies of their descriptors. A
// kernel's socket holds some 280 messages; a peer that is busy for a moment, or a pool of a thousand seats, needs more.
//
// No loop and no waiting in here: the owner calls flush() when the socket has become writable.
#pragma once

#include "ipc/control.h"

#include <cstddef>
#include <deque>
#include <functional>
#include <span>
#include <vector>

namespace fettle::ipc {

class ControlOutbox {
  public:
    static constexpr std::size_t kMaxWaiting = 8192;

    // Sends, or keeps for later, one message with copies of `fds`. An Error with EAGAIN: too much waits already; any
    // other: the peer is gone, or descriptors are exhausted.
    template <class Message>
    [[nodiscard]] Result<void> send(const ControlSocket& socket, const Message& message,
                                    std::span<const int> fds = {}) {
        return send_or_keep(
                socket,
                [message](const ControlSocket& to, std::span<const int> copies) { return to.send(message, copies); },
                fds);
    }

    // Sends what there is room for; true if that was anything. A message that the peer can never get is dropped: its
    // end is noticed when reading.
    bool flush(const ControlSocket& socket);

    [[nodiscard]] bool empty() const { return waiting_.empty(); }

    void clear() { waiting_.clear(); }

  private:
    using SendOne = std::function<Result<void>(const ControlSocket&, std::span<const int>)>;

    struct Waiting {
        SendOne send;
        std::vector<Fd> fds;
    };

    [[nodiscard]] Result<void> send_or_keep(const ControlSocket& socket, SendOne send, std::span<const int> fds);
    [[nodiscard]] Result<void> keep(SendOne send, std::span<const int> fds);

    std::deque<Waiting> waiting_;
};

}  // namespace fettle::ipc

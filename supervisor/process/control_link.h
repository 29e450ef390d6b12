// ControlLink: our end of one child's control socket, on the loop. Never blocks: what a child has not read yet waits
// here, in order (a kernel's socket holds some 280 messages, and a pool of a thousand seats sends more at once). A
// child that reads nothing for kStallLimit is reported as stalled.
#pragma once

#include "ipc/control.h"
#include "ipc/control_outbox.h"
#include "loop/loop.h"

#include <cerrno>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>

namespace fettle::supervisor {

class ControlLink {
  public:
    static constexpr Duration kStallLimit = std::chrono::seconds(10);
    static constexpr std::size_t kMaxWaiting = ipc::ControlOutbox::kMaxWaiting;

    struct Callbacks {
        std::function<void(ipc::Envelope&)> message;
        std::function<void()> closed;  // once: the end of the socket, or something that is no message
        std::function<void()> stalled;
    };

    static Result<std::unique_ptr<ControlLink>> open(loop::Loop& loop, ipc::ControlSocket socket, Callbacks callbacks,
                                                     Duration stall_limit = kStallLimit);

    ControlLink(const ControlLink&) = delete;
    ControlLink& operator=(const ControlLink&) = delete;
    ~ControlLink() = default;

    // Reads everything that has arrived, so that nothing a child said before its death is lost.
    void read_rest();

    // The child sees the end of the socket; what waits is dropped. No callback comes afterwards.
    void close();

    // Sends, or keeps for later, one message with copies of `fds`. An Error with EAGAIN: too much waits already; any
    // other: the child is gone, or descriptors are exhausted.
    template <class Message>
    [[nodiscard]] Result<void> send(const Message& message, std::span<const int> fds = {}) {
        if (!poll_) {
            return errno_error("the control socket is closed", EPIPE);
        }
        auto sent = outbox_.send(socket_, message, fds);
        watch_for_room();
        return sent;
    }

  private:
    ControlLink(loop::Loop& loop, ipc::ControlSocket socket, Callbacks callbacks, Duration stall_limit);
    void on_ready(loop::Readiness readiness);
    void read(int at_most);
    void watch_for_room();
    void send_waiting();

    ipc::ControlSocket socket_;
    Callbacks callbacks_;
    Duration stall_limit_;
    ipc::ControlOutbox outbox_;
    loop::Timer stall_;
    std::optional<loop::Poll> poll_;
};

}  // namespace fettle::supervisor

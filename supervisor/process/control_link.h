// ControlLink: our end of one child's control socket, on the loop. Never blocks: a child that does not read what we
// send is broken.
#pragma once

#include "ipc/control.h"
#include "loop/loop.h"

#include <functional>
#include <memory>
#include <optional>
#include <span>

namespace fettle::supervisor {

class ControlLink {
  public:
    struct Callbacks {
        std::function<void(ipc::Envelope&)> message;
        std::function<void()> closed;  // once: the end of the socket, or something that is no message
    };

    static Result<std::unique_ptr<ControlLink>> open(loop::Loop& loop, ipc::ControlSocket socket, Callbacks callbacks);

    ControlLink(const ControlLink&) = delete;
    ControlLink& operator=(const ControlLink&) = delete;
    ~ControlLink() = default;

    // Reads everything that has arrived, so that nothing a child said before its death is lost.
    void read_rest();

    // The child sees the end of the socket. No callback comes afterwards.
    void close();

    // An Error with EAGAIN: the child does not read; any other: it is gone.
    template <class Message>
    [[nodiscard]] Result<void> send(const Message& message, std::span<const int> fds = {}) const {
        return socket_.valid() ? socket_.send(message, fds)
                               : Result<void>(errno_error("the control socket is closed", EPIPE));
    }

  private:
    ControlLink(ipc::ControlSocket socket, Callbacks callbacks);
    void read(int at_most);

    ipc::ControlSocket socket_;
    Callbacks callbacks_;
    std::optional<loop::Poll> poll_;
};

}  // namespace fettle::supervisor

// Readiness of many sockets at the lowest price: one epoll instance of its own (epoll(7)), edge-triggered, which the
// loop polls as a whole. Against a Poll for each socket: one system call to register instead of four and none to
// unregister, one test of the socket per event in the kernel instead of two, and no heap block.
//
// Edge-triggered: a readiness is told once, when it begins. Whoever stops reading before recv(2) said EAGAIN, or came
// back with fewer bytes than it had room for, has to go on by itself. Spurious events are possible.
// Urgent data, and descriptors passed over a Unix socket, also cut a recv(2) short: whoever sends us those waits in
// vain.
#pragma once

#include "base/fd.h"
#include "base/result.h"
#include "loop/loop.h"

#include <optional>

namespace fettle::loop {

class EdgePoller {
  public:
    struct Events {
        bool readable = false;
        bool writable = false;
        bool ended = false;    // the peer sends nothing more; its last bytes, and then the end, can be read
        bool hung_up = false;  // as ended, and it takes nothing more
        bool failed = false;   // there is an error on the socket
    };

    class Target {
      public:
        Target() = default;
        Target(const Target&) = delete;
        Target& operator=(const Target&) = delete;
        virtual ~Target() = default;
        // May close its own and other sockets. One that was closed in this turn may still be told what came before.
        virtual void on_events(Events events) = 0;
    };

    explicit EdgePoller(Loop& loop);
    EdgePoller(const EdgePoller&) = delete;
    EdgePoller& operator=(const EdgePoller&) = delete;
    ~EdgePoller() = default;

    // Watches a socket from now on, until it is closed; there must be no other descriptor of it. The target must live
    // until the turn of the loop ends in which the socket was closed.
    Result<void> add(int socket, Target& target);

    // Whether it is told when the socket takes bytes again. At first it is not. Tells at once if it takes some now.
    void watch_writable(int socket, Target& target, bool wanted);

  private:
    void on_ready();

    Fd epoll_;
    std::optional<Poll> poll_;
};

}  // namespace fettle::loop

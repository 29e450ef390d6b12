#include "balancer/proxy/listeners.h"

#include "base/log.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <chrono>
#include <limits>
#include <utility>

namespace fettle::balancer {

namespace {

// Of one socket in one turn, so that a flood of connections does not starve those that are served.
constexpr int kAcceptsPerTurn = 128;
constexpr Duration kRetry = std::chrono::milliseconds(100);
constexpr Duration kComplaintPeriod = std::chrono::minutes(1);

// Errors of the connection that was about to be accepted, not of the listening socket (accept(2), "Error handling").
bool concerns_connection(int error) {
    switch (error) {
        case ECONNABORTED:
        case EINTR:
        case ENETDOWN:
        case EPROTO:
        case ENOPROTOOPT:
        case EHOSTDOWN:
        case ENONET:
        case EHOSTUNREACH:
        case EOPNOTSUPP:
        case ENETUNREACH:
            return true;
        default:
            return false;
    }
}

}  // namespace

Listeners::Listeners(Setup setup)
    : setup_(std::move(setup)), retry_(setup_.loop, [this] {
          paused_ = false;
          start();
      }) {}

Result<void> Listeners::add(int socket) {
    FETTLE_TRY(address, local_address(socket));
    Listener& listener = listeners_.emplace_back(Listener{.socket = socket, .address = std::move(address), .poll = {}});
    FETTLE_TRY(poll, loop::Poll::create(setup_.loop, socket, [this, &listener](loop::Readiness readiness) {
                   readiness.failed ? on_error(listener) : on_ready(listener);
               }));
    listener.poll = std::move(poll);
    return {};
}

void Listeners::start() {
    accepting_ = true;
    if (!paused_) {
        set_interest(loop::Interest::Read);
    }
}

void Listeners::stop() {
    accepting_ = false;
    paused_ = false;
    retry_.stop();
    set_interest(loop::Interest::None);
    for (Listener& listener : listeners_) {
        while (!full() && accept_one(listener) == Accepted::One) {
        }
    }
}

void Listeners::reconsider() {
    if (paused_ && !retry_.active() && !full()) {
        paused_ = false;
        start();
    }
}

void Listeners::on_ready(Listener& listener) {
    // With several threads, one per wake-up: the others have been woken as well and take theirs.
    const int most = setup_.threads == 1 ? kAcceptsPerTurn : 1;
    for (int count = 0; count < most; ++count) {
        if (full()) {
            pause(setup_.threads == 1 ? "http.max_connections is reached"
                                      : "one thread's share of http.max_connections is reached");
            return;
        }
        switch (accept_one(listener)) {
            case Accepted::One:
                break;
            case Accepted::None:
                return;
            case Accepted::Failed:
                pause("no descriptors or memory for more connections");
                retry_.start(kRetry);
                return;
        }
    }
}

// The loop has stopped polling the socket. It is tried again: nobody else would notice that it is deaf.
void Listeners::on_error(const Listener& listener) {
    int error = 0;
    socklen_t length = sizeof(error);
    (void)::getsockopt(listener.socket, SOL_SOCKET, SO_ERROR, &error, &length);  // also clears it
    pause(errno_error("a listening socket reports an error", error).message());
    retry_.start(kRetry);
}

Listeners::Accepted Listeners::accept_one(Listener& listener) {
    while (true) {
        sockaddr_storage address{};
        socklen_t length = sizeof(address);
        Fd socket(::accept4(listener.socket, reinterpret_cast<sockaddr*>(&address), &length,
                            SOCK_NONBLOCK | SOCK_CLOEXEC));
        if (!socket.valid()) {
            if (concerns_connection(errno)) {
                continue;
            }
            return errno == EAGAIN ? Accepted::None : Accepted::Failed;
        }
        if (!listener.address.is_unix) {
            const int on = 1;
            (void)::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on,
                               sizeof(on));  // without it: slower, not wrong
        }
        setup_.on_connection(std::move(socket), to_address(address, length), listener.address);
        return Accepted::One;
    }
}

void Listeners::pause(std::string_view reason) {
    paused_ = true;
    set_interest(loop::Interest::None);
    const TimePoint now = setup_.clock.now();
    if (!last_complaint_ || now - *last_complaint_ >= kComplaintPeriod) {
        last_complaint_ = now;
        log::warning(
                "accepting no connections for now reason='{}' connections={}, new ones wait in the listening sockets",
                reason, setup_.connections());
    }
}

void Listeners::set_interest(loop::Interest interest) {
    for (Listener& listener : listeners_) {
        listener.poll->set(interest);
    }
}

}  // namespace fettle::balancer

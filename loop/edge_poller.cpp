#include "loop/edge_poller.h"

#include "base/assert.h"

#include <sys/epoll.h>

#include <array>
#include <cerrno>
#include <utility>

namespace fettle::loop {

namespace {

// More wait for the next turn, which comes at once.
constexpr int kEventsPerTurn = 256;

epoll_event events_of(EdgePoller::Target& target, bool writable) {
    epoll_event event{};
    event.events = static_cast<std::uint32_t>(EPOLLIN | EPOLLRDHUP | EPOLLET) |
                   (writable ? static_cast<std::uint32_t>(EPOLLOUT) : 0U);
    event.data.ptr = &target;
    return event;
}

}  // namespace

EdgePoller::EdgePoller(Loop& loop) : epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
    FETTLE_ASSERT(epoll_.valid(), "epoll_create1 failed");
    auto poll = Poll::create(loop, epoll_.get(), [this](Readiness readiness) {
        if (readiness.failed) {
            poll_->set(Interest::Read);  // the loop has stopped polling it, and nobody else would notice
        }
        on_ready();
    });
    FETTLE_ASSERT(poll.has_value(), "an epoll instance can be polled");
    poll_ = std::move(*poll);
    poll_->set(Interest::Read);
}

Result<void> EdgePoller::add(int socket, Target& target) {
    epoll_event event = events_of(target, false);
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, socket, &event) != 0) {
        return errno_error("cannot watch a socket");
    }
    return {};
}

void EdgePoller::watch_writable(int socket, Target& target, bool wanted) {
    epoll_event event = events_of(target, wanted);
    const int status = ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, socket, &event);
    FETTLE_ASSERT(status == 0, "only a socket that was added is changed");
}

void EdgePoller::on_ready() {
    std::array<epoll_event, kEventsPerTurn> events;
    const int count = ::epoll_wait(epoll_.get(), events.data(), kEventsPerTurn, 0);
    for (int index = 0; index < count; ++index) {
        const epoll_event& event = events[static_cast<std::size_t>(index)];
        static_cast<Target*>(event.data.ptr)
                ->on_events({
                        .readable = (event.events & EPOLLIN) != 0,
                        .writable = (event.events & EPOLLOUT) != 0,
                        .ended = (event.events & (EPOLLRDHUP | EPOLLHUP)) != 0,
                        .hung_up = (event.events & EPOLLHUP) != 0,
                        .failed = (event.events & EPOLLERR) != 0,
                });
    }
}

}  // namespace fettle::loop

// Messages for one loop from other threads (or from itself, for later): in order, none lost, one wake-up for many.
#pragma once

#include "loop/loop.h"

#include <functional>
#include <mutex>
#include <utility>
#include <vector>

namespace fettle::balancer {

template <class Message>
class Mailbox {
  public:
    // `on_mail` runs on the loop's thread; it calls take().
    Mailbox(loop::Loop& loop, std::function<void()> on_mail) : bell_(loop, std::move(on_mail)) {}

    // Any thread, while the mailbox lives.
    void post(Message message) {
        {
            const std::lock_guard lock(mutex_);
            messages_.push_back(std::move(message));
        }
        bell_.send();
    }

    // Any thread: runs `on_mail` without a message.
    void ring() { bell_.send(); }

    // The loop's thread: everything that was posted, oldest first.
    [[nodiscard]] std::vector<Message> take() {
        const std::lock_guard lock(mutex_);
        return std::exchange(messages_, {});
    }

  private:
    loop::Async bell_;
    std::mutex mutex_;
    std::vector<Message> messages_;
};

}  // namespace fettle::balancer

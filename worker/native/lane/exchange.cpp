#include "worker/native/lane/exchange.h"

namespace fettle::worker {

void Exchange::attach(std::shared_ptr<Attachment> attachment, std::uint32_t lane) {
    if (attachment == attachment_) {
        return;  // with what waits in its inboxes
    }
    attachment_ = std::move(attachment);
    lane_ = lane;
    thread_ = 0;
    next_thread_ = 0;
    inboxes_.clear();
    for (std::uint32_t thread = 0; thread < this->lane().threads(); ++thread) {
        inboxes_.emplace_back(this->lane().channel(thread));
    }
    this->lane().announce();
}

bool Exchange::take() {
    const auto threads = static_cast<std::uint32_t>(inboxes_.size());
    for (std::uint32_t turn = 0; turn < threads; ++turn) {
        thread_ = (next_thread_ + turn) % threads;
        while (const auto message = inbox().next_request()) {
            if (channel().claim(message->key)) {
                request_ = *message;  // without the mutex: until number_ says so, nobody can be after this request
                number_.store(++taken_, std::memory_order_release);
                next_thread_ = (thread_ + 1) % threads;
                return true;
            }
            inbox().forget(message->key);
            lane().notify(thread_);
        }
    }
    return false;
}

void Exchange::wait_idle(const std::atomic<std::uint64_t>& change, std::uint64_t seen) {
    lane().about_to_sleep(ipc::LaneSleep::Idle);
    if (lane().has_message() || change.load(std::memory_order_acquire) != seen) {
        lane().awake();
    } else {
        (void)lane().block();  // the caller looks for messages and signals in any case
    }
}

void Exchange::publish(ipc::ResponseKind kind, std::uint32_t used, bool last, std::uint64_t app_ns) {
    response_began_ = response_began_ || kind == ipc::ResponseKind::Head;
    channel().publish(request_.key, kind, used, last, app_ns);
    lane().notify(thread_);
}

void Exchange::claim_mutex() {
    claimed_.store(true, std::memory_order_release);
    lane().wake();
    mutex_.lock();
    claimed_.store(false, std::memory_order_release);
}

void Exchange::end() {
    inbox().forget(request_.key);
    request_ = {};
    response_began_ = false;
    number_.store(0, std::memory_order_release);
    ending_.store(false, std::memory_order_release);
}

}  // namespace fettle::worker

#include "balancer/proxy/request_body.h"

#include "base/assert.h"

#include <utility>

namespace fettle::balancer {

namespace {
constexpr std::size_t kStreamBuffer =
        128 * 1024;  // of a streamed body in our memory; behind it the worker's arena holds more
}

void RequestBody::append(std::string_view bytes) {
    received_ += bytes.size();
    if (spool_) {
        spool_->append(bytes);
    } else {
        memory_.append(bytes);
    }
}

void RequestBody::finish() {
    finished_ = true;
    if (spool_) {
        spool_->finish();
    }
}

void RequestBody::spool_to(RequestBodySpool spool) {
    FETTLE_ASSERT(!spool_ && consumed_ == 0, "a request body is spooled once, before it is dispatched");
    spool_ = std::move(spool);
    spool_->append(memory_);
    release_memory();
}

bool RequestBody::congested() const {
    if (spool_) {
        return spool_->congested();
    }
    return streamed_ && memory_.size() >= kStreamBuffer;
}

void RequestBody::release_memory() {
    memory_ = std::string();
    memory_start_ = 0;
}

std::string_view RequestBody::data() {
    return spool_ ? spool_->data() : std::string_view(memory_).substr(memory_start_);
}

void RequestBody::consume(std::size_t bytes) {
    consumed_ += bytes;
    if (spool_) {
        spool_->consume(bytes);
    } else {
        memory_start_ += bytes;
    }
}

void RequestBody::forget_consumed() {
    FETTLE_ASSERT(streamed_, "only a streamed body is given away for good");
    forgot_ = forgot_ || memory_start_ > 0;
    memory_.erase(0, memory_start_);
    memory_start_ = 0;
}

void RequestBody::rewind() {
    FETTLE_ASSERT(can_rewind(), "the beginning of a request body is gone");
    consumed_ = 0;
    if (spool_) {
        spool_->rewind();
    } else {
        memory_start_ = 0;
    }
}

}  // namespace fettle::balancer

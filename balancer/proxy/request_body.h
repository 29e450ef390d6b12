// The body of one request on its way from the client to a worker: kept in memory, spooled to a file, or handed through
// as it arrives. The client's connection fills it, the worker's lane empties it. It can be started again from its
// beginning as long as no worker has claimed the request. Used on its loop's thread.
#pragma once

#include "balancer/proxy/request_body_spool.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace fettle::balancer {

class RequestBody {
  public:
    // ---- filling

    void append(std::string_view bytes);
    // No byte will follow.
    void finish();
    // From now on bytes go to a file; what is in memory goes first.
    void spool_to(RequestBodySpool spool);

    // The rest will not come: the worker is told so instead of being left waiting.
    void give_up() { given_up_ = true; }

    [[nodiscard]] bool given_up() const { return given_up_; }

    // The request is dispatched while its body still comes in.
    void stream() { streamed_ = true; }

    [[nodiscard]] bool spooled() const { return spool_.has_value(); }

    [[nodiscard]] bool streamed() const { return streamed_; }

    [[nodiscard]] bool finished() const { return finished_; }

    // Finished, and every byte is where it can be read from.
    [[nodiscard]] bool complete() const { return finished_ && (!spool_ || spool_->flushed()); }

    // Bytes appended so far.
    [[nodiscard]] std::uint64_t received() const { return received_; }

    // True while whoever fills it should wait: the disk or the worker is slower than the client.
    [[nodiscard]] bool congested() const;

    // Why the file failed, if it did.
    [[nodiscard]] const std::optional<Error>* spool_failure() const { return spool_ ? &spool_->failure() : nullptr; }

    // The bytes in memory, for a request that takes its whole body along in its record; and their release afterwards.
    [[nodiscard]] std::string_view in_memory() const { return memory_; }

    void release_memory();

    // ---- emptying

    // The next bytes; empty while there are none (the client or the disk is slow) and at the end.
    [[nodiscard]] std::string_view data();

    // True if the body ends with the next `bytes` bytes of data().
    [[nodiscard]] bool ends_after(std::size_t bytes) const { return finished_ && consumed_ + bytes == received_; }

    void consume(std::size_t bytes);
    // The worker has claimed the request: streamed bytes it was given need not be kept for another one.
    void forget_consumed();

    // True while streamed bytes are kept that the worker was given.
    [[nodiscard]] bool holds_consumed() const { return streamed_ && memory_start_ > 0; }

    // Another worker gets the request: data() starts at the beginning.
    [[nodiscard]] bool can_rewind() const { return !forgot_; }

    void rewind();

  private:
    std::string memory_;
    std::size_t memory_start_ = 0;  // bytes of memory_ that were consumed and are kept for rewind()
    std::optional<RequestBodySpool> spool_;
    std::uint64_t received_ = 0;
    std::uint64_t consumed_ = 0;
    bool streamed_ = false;
    bool given_up_ = false;
    bool forgot_ = false;
    bool finished_ = false;
};

}  // namespace fettle::balancer

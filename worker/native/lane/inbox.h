// The request side of one channel, sorted by request.
//
// A channel is one FIFO for all its requests, so pieces of the running request's body may lie behind requests that were
// prefetched meanwhile. The inbox moves such requests out of the way: they are copied, released in the ring, and wait
// here unclaimed, so the balancer can still revoke them.
//
// Threads: as WorkerChannel.
#pragma once

#include "ipc/worker_channel.h"

#include <deque>
#include <optional>
#include <vector>

namespace fettle::worker {

class Inbox {
  public:
    explicit Inbox(ipc::WorkerChannel& channel) : channel_(&channel) {}

    // The oldest request, held until release(). Pieces of requests that have ended are dropped on the way.
    [[nodiscard]] std::optional<ipc::RequestMessage> next_request();

    // The next Body or Abort of `key`, held until release(); nullopt if there is none yet.
    [[nodiscard]] std::optional<ipc::RequestMessage> next_piece(ipc::RequestKey key);

    // Gives back what is held, if anything: its payload may be overwritten from now on.
    void release();

    // The request has ended: forgets what was stored for it.
    void forget(ipc::RequestKey key);

  private:
    struct Stored {
        ipc::RequestMessage message;  // its payload is `bytes`
        std::vector<std::byte> bytes;
    };

    enum class Held { Nothing, RingEntry, StoredEntry };

    [[nodiscard]] std::optional<ipc::RequestMessage> hold(const ipc::RequestMessage& message, Held where);
    [[nodiscard]] bool knows(ipc::RequestKey key) const;
    void store(const ipc::RequestMessage& message);

    ipc::WorkerChannel* channel_;
    std::deque<Stored> stored_;  // oldest first; every entry is older than what the ring holds
    std::size_t held_index_ = 0;
    Held held_ = Held::Nothing;
};

}  // namespace fettle::worker

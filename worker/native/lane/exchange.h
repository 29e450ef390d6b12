// Exchange: the request that a WSGI slot runs, as seen from its lane: taking it, waiting inside it, ending it.
// RequestBody reads and ResponseWriter writes through it.
//
// Threads. Between requests an Exchange belongs to the slot's thread alone. While a request runs, the application may
// hand wsgi.input or write() to other threads, so everything below "the running request" needs mutex(), and the holder
// must compare number() with the request it was made for, before it takes the mutex and again after. Whoever waits for
// the mutex of a running request must be detached from the interpreter, because the holder may need to attach before it
// lets go; a holder whose comparison failed lets go at once. A waiter keeps the mutex while it blocks, unless the
// slot's thread claims it: the response does not wait for a thread that waits for the rest of the body.
#pragma once

#include "worker/native/lane/attachment.h"
#include "worker/native/lane/inbox.h"

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

namespace fettle::worker {

enum class Mode { Try, Block };

enum class Io {
    Done,
    WouldBlock,   // Mode::Try only
    Interrupted,  // a signal arrived, or the slot's thread wants the mutex: let go of it, run Python's handlers, call
                  // again
    Gone,         // nobody waits for this request any more: the client left, the balancer died, or the request ended
};

class Exchange {
  public:
    Exchange() = default;
    Exchange(const Exchange&) = delete;
    Exchange& operator=(const Exchange&) = delete;
    ~Exchange() = default;

    // ---- between requests

    // From now on the lane's requests come from `attachment`. If it is another one than before, what waited in that is
    // forgotten.
    void attach(std::shared_ptr<Attachment> attachment, std::uint32_t lane);

    // Claims the next request, if there is one; it runs from now until end().
    [[nodiscard]] bool take();

    // Blocks until a message is there, `change` is no longer `seen`, the lane is woken or a signal arrives.
    void wait_idle(const std::atomic<std::uint64_t>& change, std::uint64_t seen);

    // ---- the running request

    [[nodiscard]] std::mutex& mutex() { return mutex_; }

    // Of the running request; never repeats. 0: none runs. Readable without the mutex.
    [[nodiscard]] std::uint64_t number() const { return number_.load(std::memory_order_acquire); }

    // The message that carries its record; the payload stays valid until the inbox releases it.
    [[nodiscard]] const ipc::RequestMessage& request() const { return request_; }

    [[nodiscard]] ipc::WorkerLane& lane() { return attachment_->channels->lane(lane_); }

    [[nodiscard]] ipc::WorkerChannel& channel() { return lane().channel(thread_); }

    [[nodiscard]] Inbox& inbox() { return inboxes_[thread_]; }

    [[nodiscard]] bool abandoned() const { return attachment_->abandoned.load(std::memory_order_acquire); }

    // True if there is no point in going on.
    [[nodiscard]] bool gone() {
        return abandoned() || ending_.load(std::memory_order_acquire) || channel().cancelled(request_.key);
    }

    // Publishes for the running request and wakes the balancer.
    void publish(ipc::ResponseKind kind, std::uint32_t used, bool last, std::uint64_t app_ns);

    // A Head was published: "100 Continue" would come too late.
    [[nodiscard]] bool response_began() const { return response_began_; }

    // Blocks until `ready()` (Done), `hopeless()` (Gone), a signal or the slot's claim (Interrupted).
    template <class Ready, class Hopeless>
    [[nodiscard]] Io wait(Ready ready, Hopeless hopeless) {
        while (true) {
            lane().about_to_sleep(ipc::LaneSleep::Blocked);
            if (ready()) {
                lane().awake();
                return Io::Done;
            }
            if (hopeless()) {
                lane().awake();
                return Io::Gone;
            }
            if (claimed()) {
                lane().awake();
                return Io::Interrupted;
            }
            if (!lane().block()) {
                return Io::Interrupted;
            }
        }
    }

    // Locks the mutex although another thread may block with it. Slot's thread only, detached.
    void claim_mutex();

    [[nodiscard]] bool claimed() const { return claimed_.load(std::memory_order_acquire); }

    // From now on gone() is true, and another thread that blocks in this request gives up. Slot's thread, without the
    // mutex.
    void prepare_end() { ending_.store(true, std::memory_order_release); }

    // With the mutex.
    void end();

    // In a forked child of the worker, where no other thread runs and the mutex may be held by a thread that is not
    // there: the channels are the parent's, nothing may be read or written through this any more.
    void disown() { number_.store(0, std::memory_order_release); }

  private:
    std::shared_ptr<Attachment> attachment_;
    std::uint32_t lane_ = 0;
    std::uint32_t thread_ = 0;       // balancer thread of the running request
    std::uint32_t next_thread_ = 0;  // where take() looks first, so that no balancer thread starves
    std::vector<Inbox> inboxes_;     // one per balancer thread
    ipc::RequestMessage request_;
    std::mutex mutex_;
    std::atomic<bool> claimed_{false};
    std::atomic<bool> ending_{false};
    std::atomic<std::uint64_t> number_{0};
    std::uint64_t taken_ = 0;
    bool response_began_ = false;
};

}  // namespace fettle::worker

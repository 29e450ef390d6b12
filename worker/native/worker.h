// What the service thread, the slots and the main thread of one worker process share: the current channels, whether to
// stop, and the control socket.
//
// A Worker lives until the process ends, because the service thread uses it until then.
#pragma once

#include "ipc/control.h"
#include "worker/native/lane/attachment.h"

#include <sys/types.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>

namespace fettle::worker {

class Worker {
  public:
    // `wake` is an eventfd: it gets the service thread out of its sleep.
    Worker(ipc::ControlSocket control, Fd wake, ipc::WorkerId id);

    [[nodiscard]] ipc::WorkerId id() const { return id_; }

    [[nodiscard]] const ipc::ControlSocket& control() const { return control_; }

    [[nodiscard]] int wake_fd() const { return wake_.get(); }

    // ---- any thread

    // Grows with every attachment and when the worker is to stop: what slots watch while they are idle.
    [[nodiscard]] const std::atomic<std::uint64_t>& changes() const { return changes_; }

    [[nodiscard]] bool stopping() const { return stopping_.load(std::memory_order_acquire); }

    // The current channels; nullptr before the first attachment.
    [[nodiscard]] std::shared_ptr<Attachment> attachment() const;
    // Asks the supervisor to drain and replace this worker: the service thread sends Leaving, once. Nothing happens in
    // a process that the application forked, which shares the eventfd with its parent.
    void leave();

    // ---- slots

    // A slot for the calling thread to run: its lane. Without a value: all have their threads. The last one sends
    // Ready.
    [[nodiscard]] std::optional<std::uint32_t> take_slot();
    void slot_ended();

    // ---- main thread

    // The application is loaded. Returns the number of slots to run, as the first attachment says, or 0: stop. Without
    // a value: not known yet.
    [[nodiscard]] std::optional<std::uint32_t> wait_attached(std::chrono::milliseconds at_most);
    // How many slots have no thread yet.
    [[nodiscard]] std::uint32_t free_slots() const;
    // True once every slot has ended.
    [[nodiscard]] bool wait_slots(std::chrono::milliseconds at_most);

    // ---- service thread

    // Maps new channels, answers Attached and hands them to the slots. An Error: the message cannot be followed.
    [[nodiscard]] Result<void> attach(const ipc::Attach& message, std::vector<Fd> fds);
    // The slots finish what they have and end. False if the application is still being loaded: the main thread is in
    // its import and cannot be told.
    [[nodiscard]] bool stop();
    // Gets the main thread, if it is an idle slot, out of its sleep: a signal that came just before it fell asleep does
    // not end the sleep, and Python's handler for it would wait for the next request.
    void nudge_main_thread();

    // True at the first call after leave().
    [[nodiscard]] bool take_leave_request() { return leave_requested_.exchange(false); }

  private:
    void wake_slots(const std::shared_ptr<Attachment>& attachment);

    const ipc::ControlSocket control_;
    const Fd wake_;
    const ipc::WorkerId id_;
    const pid_t owner_;
    std::atomic<std::uint64_t> changes_{0};
    std::atomic<bool> stopping_{false};
    std::atomic<bool> leave_requested_{false};

    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::shared_ptr<Attachment> attachment_;
    bool loaded_ = false;
    std::uint32_t slots_ = 0;  // 0 before the first attachment
    std::uint32_t taken_ = 0;
    std::uint32_t ended_ = 0;
};

}  // namespace fettle::worker

// Owning wrappers over libuv. This folder is the only one that includes <uv.h>.
//
// Rules: one Loop per thread; every wrapper is used on its loop's thread only (Async::send excepted). A wrapper may be destroyed
// anywhere, also inside its own callback: the libuv handle lives in a heap block that is freed in libuv's close callback.
// Callbacks must not throw. Poll does not own its descriptor: declare the Fd before the Poll, so that the Poll goes first.
#pragma once

#include "base/clock.h"
#include "base/fd.h"
#include "base/result.h"

#include <functional>
#include <memory>
#include <string>

struct uv_loop_s;

namespace fettle::loop {

class Loop {
  public:
    Loop();
    Loop(const Loop&) = delete;
    Loop& operator=(const Loop&) = delete;
    ~Loop();   // all wrappers must be gone; waits for file operations under way, asserts that no handle is left open

    void run();    // until stop() or no active handle is left
    void stop();   // ends run() after the current turn; only from the loop's thread

    [[nodiscard]] uv_loop_s* raw() { return loop_.get(); }

  private:
    std::unique_ptr<uv_loop_s> loop_;
};

class Timer {
  public:
    Timer(Loop& loop, std::function<void()> callback);
    Timer(Timer&&) noexcept;
    Timer& operator=(Timer&&) noexcept;
    Timer(const Timer&) = delete;
    Timer& operator=(const Timer&) = delete;
    ~Timer();

    // Fires once after `delay` (rounded up to whole milliseconds); starting again replaces the earlier deadline.
    void start(Duration delay);
    // Fires every `period`, first after `period`.
    void start_repeating(Duration period);
    void stop();
    [[nodiscard]] bool active() const;

  private:
    struct Block;
    Block* block_;
};

// One POSIX signal. The signal may be coalesced: the callback says "at least one arrived".
class Signal {
  public:
    static Result<Signal> watch(Loop& loop, int signal_number, std::function<void()> callback);
    Signal(Signal&&) noexcept;
    Signal& operator=(Signal&&) noexcept;
    Signal(const Signal&) = delete;
    Signal& operator=(const Signal&) = delete;
    ~Signal();

  private:
    struct Block;
    explicit Signal(Block* block) : block_(block) {}
    Block* block_;
};

// Readiness of a descriptor (level-triggered, spurious wake-ups possible). At most one Poll per descriptor.
// Failure: only that the peer is gone for good (reset, or a Unix socket closed at both ends). Urgent data, which nobody
// sends, would be taken for it.
enum class Interest : int { None = 0, Read = 1, Write = 2, ReadWrite = 3, Failure = 8 };

struct Readiness {
    bool readable = false;
    bool writable = false;
    bool failed = false;   // there is an error on the descriptor, and it is polled no more; set() polls it again
};

class Poll {
  public:
    // `fd` must stay open until the Poll is destroyed; it is set non-blocking by libuv.
    static Result<Poll> create(Loop& loop, int fd, std::function<void(Readiness)> callback);
    Poll(Poll&&) noexcept;
    Poll& operator=(Poll&&) noexcept;
    Poll(const Poll&) = delete;
    Poll& operator=(const Poll&) = delete;
    ~Poll();

    // Changing to the interest already set costs nothing.
    void set(Interest interest);
    [[nodiscard]] Interest interest() const;

  private:
    struct Block;
    explicit Poll(Block* block) : block_(block) {}
    Block* block_;
};

// Wakes the loop from another thread; sends are coalesced.
class Async {
  public:
    Async(Loop& loop, std::function<void()> callback);
    Async(Async&&) noexcept;
    Async& operator=(Async&&) noexcept;
    Async(const Async&) = delete;
    Async& operator=(const Async&) = delete;
    ~Async();
    void send();   // any thread, while the Async lives

  private:
    struct Block;
    Block* block_;
};

// Called in every turn of the loop: `before` right before the loop blocks for I/O (uv_prepare), `after` right after (uv_check).
// `before` returns whether there is still work to do: the loop then polls without blocking.
class TurnHooks {
  public:
    TurnHooks(Loop& loop, std::function<bool()> before, std::function<void()> after);
    TurnHooks(const TurnHooks&) = delete;
    TurnHooks& operator=(const TurnHooks&) = delete;
    ~TurnHooks();

  private:
    struct Block;
    Block* block_;
};

// Positional file I/O on libuv's thread pool, so that a slow disk never blocks the loop. The descriptor and the buffer must live
// until the callback runs. The callback gets the number of bytes, or a negative errno.
void read_file_async(Loop& loop, int fd, char* buffer, std::size_t length, std::int64_t offset,
                     std::function<void(std::int64_t)> done);
void write_file_async(Loop& loop, int fd, const char* buffer, std::size_t length, std::int64_t offset,
                      std::function<void(std::int64_t)> done);

// Closes the descriptor on the thread pool: freeing the pages of a large unlinked file takes long. Nobody may use it any more.
void close_file_async(Loop& loop, Fd fd);

}   // namespace fettle::loop

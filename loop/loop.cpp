#include "loop/loop.h"

#include "base/assert.h"

#include <uv.h>

#include <cerrno>

namespace fettle::loop {

namespace {

// libuv returns negative errno values.
Error uv_error(std::string what, int status) { return errno_error(std::move(what), -status); }

template <class Block>
Block* block_of(void* handle) {
    return static_cast<Block*>(static_cast<uv_handle_t*>(handle)->data);
}

// Hands a block to libuv; it is freed once libuv no longer refers to its handle. The callback is dropped with the block, so a
// callback that destroys its own wrapper still runs to its end.
template <class Block, class Handle>
void close_block(Block* block, Handle* handle) {
    block->closing = true;
    uv_close(reinterpret_cast<uv_handle_t*>(handle), [](uv_handle_t* closed) { delete block_of<Block>(closed); });
}

}   // namespace

Loop::Loop()
    : loop_(std::make_unique<uv_loop_t>()) {
    FETTLE_ASSERT(uv_loop_init(loop_.get()) == 0, "uv_loop_init failed");
}

Loop::~Loop() {
    // File operations hold buffers and callbacks of their owners; the only requests that this folder makes.
    while (loop_->active_reqs.count > 0) {
        uv_run(loop_.get(), UV_RUN_ONCE);
    }
    // Runs the close callbacks of wrappers that have just been destroyed.
    uv_run(loop_.get(), UV_RUN_NOWAIT);
    uv_run(loop_.get(), UV_RUN_NOWAIT);
    FETTLE_ASSERT(uv_loop_close(loop_.get()) == 0, "a libuv handle outlives its loop");
}

void Loop::run() { uv_run(loop_.get(), UV_RUN_DEFAULT); }

void Loop::stop() { uv_stop(loop_.get()); }

// ---- Timer

struct Timer::Block {
    uv_timer_t handle{};
    std::function<void()> callback;
    bool closing = false;
};

Timer::Timer(Loop& loop, std::function<void()> callback)
    : block_(new Block) {
    block_->callback = std::move(callback);
    uv_timer_init(loop.raw(), &block_->handle);
    block_->handle.data = block_;
}

Timer::Timer(Timer&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}

Timer& Timer::operator=(Timer&& other) noexcept {
    std::swap(block_, other.block_);
    return *this;
}

Timer::~Timer() {
    if (block_ != nullptr) {
        close_block(block_, &block_->handle);
    }
}

namespace {
std::uint64_t to_milliseconds(Duration delay) {
    const auto rounded = std::chrono::ceil<std::chrono::milliseconds>(delay).count();
    return rounded < 0 ? 0 : static_cast<std::uint64_t>(rounded);
}
}   // namespace

void Timer::start(Duration delay) {
    // libuv counts from the loop's cached time, which may be old after a long turn.
    uv_update_time(block_->handle.loop);
    uv_timer_start(
            &block_->handle,
            [](uv_timer_t* handle) {
                if (auto* block = block_of<Block>(handle); !block->closing) {
                    block->callback();
                }
            },
            to_milliseconds(delay), 0);
}

void Timer::start_repeating(Duration period) {
    const std::uint64_t milliseconds = std::max<std::uint64_t>(1, to_milliseconds(period));
    uv_update_time(block_->handle.loop);
    uv_timer_start(
            &block_->handle,
            [](uv_timer_t* handle) {
                if (auto* block = block_of<Block>(handle); !block->closing) {
                    block->callback();
                }
            },
            milliseconds, milliseconds);
}

void Timer::stop() { uv_timer_stop(&block_->handle); }

bool Timer::active() const { return uv_is_active(reinterpret_cast<const uv_handle_t*>(&block_->handle)) != 0; }

// ---- Signal

struct Signal::Block {
    uv_signal_t handle{};
    std::function<void()> callback;
    bool closing = false;
};

Result<Signal> Signal::watch(Loop& loop, int signal_number, std::function<void()> callback) {
    auto* block = new Block;
    block->callback = std::move(callback);
    uv_signal_init(loop.raw(), &block->handle);
    block->handle.data = block;
    Signal watcher(block);
    const int status = uv_signal_start(
            &block->handle,
            [](uv_signal_t* handle, int) {
                if (auto* owner = block_of<Block>(handle); !owner->closing) {
                    owner->callback();
                }
            },
            signal_number);
    if (status != 0) {
        return uv_error("cannot watch signal " + std::to_string(signal_number), status);
    }
    return watcher;
}

Signal::Signal(Signal&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}

Signal& Signal::operator=(Signal&& other) noexcept {
    std::swap(block_, other.block_);
    return *this;
}

Signal::~Signal() {
    if (block_ != nullptr) {
        close_block(block_, &block_->handle);
    }
}

// ---- Poll

struct Poll::Block {
    uv_poll_t handle{};
    std::function<void(Readiness)> callback;
    Interest interest = Interest::None;
    bool closing = false;
};

Result<Poll> Poll::create(Loop& loop, int fd, std::function<void(Readiness)> callback) {
    auto* block = new Block;
    if (const int status = uv_poll_init(loop.raw(), &block->handle, fd); status != 0) {
        delete block;
        return uv_error("cannot poll a file descriptor", status);
    }
    block->callback = std::move(callback);
    block->handle.data = block;
    return Poll(block);
}

Poll::Poll(Poll&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}

Poll& Poll::operator=(Poll&& other) noexcept {
    std::swap(block_, other.block_);
    return *this;
}

Poll::~Poll() {
    if (block_ != nullptr) {
        close_block(block_, &block_->handle);
    }
}

void Poll::set(Interest interest) {
    if (interest == block_->interest) {
        return;
    }
    block_->interest = interest;
    if (interest == Interest::None) {
        uv_poll_stop(&block_->handle);
        return;
    }
    // Fails only for a closing handle or a bad descriptor, both bugs of ours.
    const int events = static_cast<int>(interest);
    static_assert(static_cast<int>(Interest::Read) == UV_READABLE && static_cast<int>(Interest::Write) == UV_WRITABLE);
    // Errors are reported whatever is asked for, but libuv polls only what asks for something; urgent data is what never
    // comes. A hang-up without an error is reported as what was asked for.
    static_assert(static_cast<int>(Interest::Failure) == UV_PRIORITIZED);
    const int status = uv_poll_start(&block_->handle, events, [](uv_poll_t* handle, int error, int ready) {
        if (auto* block = block_of<Block>(handle); !block->closing) {
            const bool failed = error != 0 || (ready & UV_PRIORITIZED) != 0;
            if (failed) {
                uv_poll_stop(handle);  // as libuv has done already after an error
                block->interest = Interest::None;
            }
            block->callback(Readiness{(ready & UV_READABLE) != 0, (ready & UV_WRITABLE) != 0, failed});
        }
    });
    FETTLE_ASSERT(status == 0, "uv_poll_start failed");
}

Interest Poll::interest() const { return block_->interest; }

// ---- Async

struct Async::Block {
    uv_async_t handle{};
    std::function<void()> callback;
    bool closing = false;
};

Async::Async(Loop& loop, std::function<void()> callback)
    : block_(new Block) {
    block_->callback = std::move(callback);
    const int status = uv_async_init(loop.raw(), &block_->handle, [](uv_async_t* handle) {
        if (auto* block = block_of<Block>(handle); !block->closing) {
            block->callback();
        }
    });
    FETTLE_ASSERT(status == 0, "uv_async_init failed");
    block_->handle.data = block_;
}

Async::Async(Async&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}

Async& Async::operator=(Async&& other) noexcept {
    std::swap(block_, other.block_);
    return *this;
}

Async::~Async() {
    if (block_ != nullptr) {
        close_block(block_, &block_->handle);
    }
}

void Async::send() { uv_async_send(&block_->handle); }

// ---- TurnHooks

struct TurnHooks::Block {
    uv_prepare_t prepare{};
    uv_check_t check{};
    uv_idle_t idle{};   // active = the loop must not block
    std::function<bool()> before;
    std::function<void()> after;
    int open_handles = 3;
};

TurnHooks::TurnHooks(Loop& loop, std::function<bool()> before, std::function<void()> after)
    : block_(new Block) {
    block_->before = std::move(before);
    block_->after = std::move(after);
    uv_prepare_init(loop.raw(), &block_->prepare);
    uv_check_init(loop.raw(), &block_->check);
    uv_idle_init(loop.raw(), &block_->idle);
    block_->prepare.data = block_->check.data = block_->idle.data = block_;
    uv_prepare_start(&block_->prepare, [](uv_prepare_t* handle) {
        auto* block = block_of<Block>(handle);
        if (block->before()) {
            uv_idle_start(&block->idle, [](uv_idle_t*) {});
        } else {
            uv_idle_stop(&block->idle);
        }
    });
    uv_check_start(&block_->check, [](uv_check_t* handle) { block_of<Block>(handle)->after(); });
    // The hooks alone do not keep the loop alive.
    uv_unref(reinterpret_cast<uv_handle_t*>(&block_->prepare));
    uv_unref(reinterpret_cast<uv_handle_t*>(&block_->check));
}

TurnHooks::~TurnHooks() {
    const auto closed = [](uv_handle_t* handle) {
        auto* block = block_of<Block>(handle);
        if (--block->open_handles == 0) {
            delete block;
        }
    };
    uv_close(reinterpret_cast<uv_handle_t*>(&block_->prepare), closed);
    uv_close(reinterpret_cast<uv_handle_t*>(&block_->check), closed);
    uv_close(reinterpret_cast<uv_handle_t*>(&block_->idle), closed);
}

// ---- file I/O

namespace {

struct FileRequest {
    uv_fs_t request{};
    uv_buf_t buffer{};
    std::function<void(std::int64_t)> done;

    static void finished(uv_fs_t* request) {
        std::unique_ptr<FileRequest> self(static_cast<FileRequest*>(request->data));
        const std::int64_t result = request->result;
        uv_fs_req_cleanup(request);
        self->done(result);
    }
};

FileRequest* make_request(char* buffer, std::size_t length, std::function<void(std::int64_t)> done) {
    auto* request = new FileRequest;
    request->request.data = request;
    request->buffer = uv_buf_init(buffer, static_cast<unsigned int>(length));
    request->done = std::move(done);
    return request;
}

}   // namespace

void read_file_async(Loop& loop, int fd, char* buffer, std::size_t length, std::int64_t offset,
                     std::function<void(std::int64_t)> done) {
    FileRequest* request = make_request(buffer, length, std::move(done));
    const int status = uv_fs_read(loop.raw(), &request->request, fd, &request->buffer, 1, offset, FileRequest::finished);
    FETTLE_ASSERT(status == 0, "uv_fs_read was not accepted");
}

void write_file_async(Loop& loop, int fd, const char* buffer, std::size_t length, std::int64_t offset,
                      std::function<void(std::int64_t)> done) {
    // libuv's buffer type has no const; uv_fs_write only reads from it.
    FileRequest* request = make_request(const_cast<char*>(buffer), length, std::move(done));
    const int status = uv_fs_write(loop.raw(), &request->request, fd, &request->buffer, 1, offset, FileRequest::finished);
    FETTLE_ASSERT(status == 0, "uv_fs_write was not accepted");
}

void close_file_async(Loop& loop, Fd fd) {
    FileRequest* request = make_request(nullptr, 0, [](std::int64_t) {});   // errors of close(2) are ignored, as everywhere
    const int status = uv_fs_close(loop.raw(), &request->request, fd.release(), FileRequest::finished);
    FETTLE_ASSERT(status == 0, "uv_fs_close was not accepted");
}

}   // namespace fettle::loop

// A request body in an unlinked file: appended while it comes in, read back while a worker takes it. All file I/O runs
// on the loop's thread pool; two buffers of about 64 KB hold what waits for the disk. Used on its loop's thread. May be
// destroyed at any time: an operation under way finishes into memory that outlives it.
#pragma once

#include "base/fd.h"
#include "base/result.h"
#include "loop/loop.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace fettle::balancer {

class RequestBodySpool {
  public:
    // `on_progress` is called from the loop after each operation of the disk: look at congested(), failure(), flushed()
    // and data() then.
    static Result<RequestBodySpool> create(loop::Loop& loop, const std::string& directory,
                                           std::function<void()> on_progress);

    RequestBodySpool(const RequestBodySpool&) = delete;
    RequestBodySpool& operator=(const RequestBodySpool&) = delete;
    RequestBodySpool(RequestBodySpool&&) noexcept = default;
    RequestBodySpool& operator=(RequestBodySpool&&) noexcept = default;
    ~RequestBodySpool();

    // ---- writing

    // Copies the bytes and writes them behind the others.
    void append(std::string_view bytes);
    // True while much waits for the disk: stop reading from the client.
    [[nodiscard]] bool congested() const;
    // The last byte was appended: write also what would not be worth a write of its own.
    void finish();
    // True when everything appended is in the file.
    [[nodiscard]] bool flushed() const;
    // Set once writing or reading failed (the disk is full, say); nothing more will come of this spool.
    [[nodiscard]] const std::optional<Error>& failure() const;

    // ---- reading, once flushed()

    // The next bytes in memory, valid until consume() or rewind(); empty while the disk is asked for more, and at the
    // end.
    [[nodiscard]] std::string_view data();
    void consume(std::size_t bytes);
    // Starts reading from the beginning again.
    void rewind();

  private:
    struct State;

    explicit RequestBodySpool(std::shared_ptr<State> state) : state_(std::move(state)) {}

    // Shared with the operation under way on the thread pool, which must find its buffer and descriptor alive.
    std::shared_ptr<State> state_;
};

}  // namespace fettle::balancer

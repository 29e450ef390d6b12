// Bytes on their way to one client: sent at once as far as the socket takes them, the rest is kept until it is writable
// again. An output that is drained holds no memory. Used on its loop's thread.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace fettle::balancer {

// Buffers that change hands between the outputs of a thread, so that a response allocates nothing.
class BufferPool {
  public:
    // What idle buffers take up at most, all together. A thousand responses of a kilobyte can be under way at once
    // without an allocation.
    static constexpr std::size_t kMostBytes = 1024 * 1024;

    [[nodiscard]] std::string take();
    void give(std::string buffer);

    // Of the buffers that are idle.
    [[nodiscard]] std::size_t bytes() const { return bytes_; }

  private:
    std::vector<std::string> free_;
    std::size_t bytes_ = 0;
};

class ClientOutput {
  public:
    explicit ClientOutput(BufferPool& pool) : pool_(pool) {}

    ClientOutput(const ClientOutput&) = delete;
    ClientOutput& operator=(const ClientOutput&) = delete;
    ~ClientOutput();

    // The end of what is to be sent: append to it.
    [[nodiscard]] std::string& tail();

    enum class Sent {
        All,      // nothing is left
        Some,     // the socket is full for now; the rest was copied
        Nothing,  // as Some, and the client took no byte
        Broken,   // the connection is gone
    };

    // Sends what was appended and, behind it, `more`, in one system call.
    [[nodiscard]] Sent send(int fd, std::span<const std::string_view> more = {});

    [[nodiscard]] std::size_t size() const { return buffer_.size() - start_; }

    // Forgets everything.
    void clear();

  private:
    void drop_front(std::size_t bytes);

    BufferPool& pool_;
    std::string buffer_;
    std::size_t start_ = 0;  // bytes of buffer_ that were sent
};

}  // namespace fettle::balancer

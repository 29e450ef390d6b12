// Fd: the one owner of a file descriptor. Move-only; closes on destruction. Everything we open is close-on-exec.
#pragma once

#include "base/result.h"

#include <utility>

namespace fettle {

class Fd {
  public:
    Fd() = default;

    explicit Fd(int fd) : fd_(fd) {}

    Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

    Fd& operator=(Fd&& other) noexcept {
        if (this != &other) {
            reset(std::exchange(other.fd_, -1));
        }
        return *this;
    }

    Fd(const Fd&) = delete;
    Fd& operator=(const Fd&) = delete;

    ~Fd() { reset(); }

    [[nodiscard]] int get() const { return fd_; }

    [[nodiscard]] bool valid() const { return fd_ >= 0; }  // no operator bool: 0 is a valid descriptor

    [[nodiscard]] int release() { return std::exchange(fd_, -1); }

    // Closes what is held and takes `fd`. Errors of close(2) are ignored: the descriptor is gone either way.
    void reset(int fd = -1);

    // A second descriptor of the same open file, close-on-exec and at least 3 (F_DUPFD_CLOEXEC).
    [[nodiscard]] Result<Fd> duplicate() const;

  private:
    int fd_ = -1;
};

}  // namespace fettle

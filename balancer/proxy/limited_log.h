// Warnings that clients can provoke: a burst is written in full, a flood is counted.
#pragma once

#include "base/clock.h"
#include "base/log.h"

#include <chrono>
#include <cstdint>
#include <utility>

namespace fettle::balancer {

class LimitedLog {
  public:
    // Writes the line, or counts it if this second has had its share. The next second's first line tells how many were
    // left out.
    template <class... Args>
    void warning(TimePoint now, fmt::format_string<Args...> format, Args&&... args) {
        if (admit(now)) {
            log::warning(format, std::forward<Args>(args)...);
        }
    }

    template <class... Args>
    void error(TimePoint now, fmt::format_string<Args...> format, Args&&... args) {
        if (admit(now)) {
            log::error(format, std::forward<Args>(args)...);
        }
    }

  private:
    static constexpr std::uint32_t kLinesPerSecond = 20;

    [[nodiscard]] bool admit(TimePoint now) {
        if (now - window_start_ >= std::chrono::seconds(1)) {
            if (left_out_ > 0) {
                log::warning("requests failed too often to log each left_out={}", left_out_);
            }
            window_start_ = now;
            written_ = 0;
            left_out_ = 0;
        }
        if (written_ == kLinesPerSecond) {
            ++left_out_;
            return false;
        }
        ++written_;
        return true;
    }

    TimePoint window_start_{};
    std::uint32_t written_ = 0;
    std::uint64_t left_out_ = 0;
};

}  // namespace fettle::balancer

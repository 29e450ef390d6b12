// Time is always taken from an injected Clock, so that tests own it. Monotonic; wall-clock time is used only in logs.
#pragma once

#include <chrono>

namespace fettle {

using TimePoint = std::chrono::steady_clock::time_point;  // CLOCK_MONOTONIC
using Duration = std::chrono::steady_clock::duration;     // nanoseconds

class Clock {
  public:
    Clock() = default;
    Clock(const Clock&) = delete;
    Clock& operator=(const Clock&) = delete;
    virtual ~Clock() = default;
    [[nodiscard]] virtual TimePoint now() const = 0;
};

class SteadyClock final : public Clock {
  public:
    [[nodiscard]] TimePoint now() const override { return std::chrono::steady_clock::now(); }
};

}  // namespace fettle

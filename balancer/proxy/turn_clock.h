// The time of the loop's turn: read once, when somebody first asks, and the same for all that happens in the turn. A
// turn is short (a few milliseconds under load), and a request asks for the time at half a dozen places.
//
// Used on one thread.
#pragma once

#include "base/clock.h"

#include <chrono>
#include <optional>

namespace fettle::balancer {

class TurnClock final : public Clock {
  public:
    explicit TurnClock(const Clock& clock) : clock_(clock) {}

    [[nodiscard]] TimePoint now() const override {
        if (!now_) {
            now_ = clock_.now();
        }
        return *now_;
    }

    // The wall clock, since the epoch.
    [[nodiscard]] std::chrono::milliseconds unix_time() const {
        if (!unix_time_) {
            unix_time_ = std::chrono::duration_cast<std::chrono::milliseconds>(
                    std::chrono::system_clock::now().time_since_epoch());
        }
        return *unix_time_;
    }

    // Time has passed: the next call reads the clocks.
    void advance() {
        now_.reset();
        unix_time_.reset();
    }

  private:
    const Clock& clock_;
    mutable std::optional<TimePoint> now_;
    mutable std::optional<std::chrono::milliseconds> unix_time_;
};

}  // namespace fettle::balancer

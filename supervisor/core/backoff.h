// The restart rule of one seat, and the sliding window that notices when the whole pool is in trouble.
//
//   early death   died before READY, or less than kEarlyUptime after it without having done its work: a worker or the
//                 balancer a completed response, the zygote a fork
//                 n = n + 1, wait min(max_delay, base_delay * 2^(n-1)) * U[0.5, 1.5)
//   other death   n = 0, restart at once
//
// The base of 100 ms is systemd's RestartSec; a free restart for whoever had been ready is s6's rule; the jitter keeps
// many seats from starting in step.
#pragma once

#include "base/clock.h"
#include "supervisor/core/random.h"

#include <cstddef>
#include <deque>
#include <optional>

namespace fettle::supervisor::core {

inline constexpr Duration kEarlyUptime = std::chrono::seconds(1);

// `ready_since`: when the process became ready, nullopt if it never did.
[[nodiscard]] bool is_early_death(std::optional<TimePoint> ready_since, TimePoint died, bool did_its_work);

class Backoff {
  public:
    struct Settings {
        Duration base_delay = std::chrono::milliseconds(100);
        Duration max_delay = std::chrono::seconds(30);
    };

    explicit Backoff(Settings settings) : settings_(settings) {}

    // Counts one early death and returns how long to wait before the next start: at most 1.5 * max_delay.
    [[nodiscard]] Duration early_death(Random& random);

    void late_death() { early_deaths_ = 0; }

    [[nodiscard]] int early_deaths() const { return early_deaths_; }  // in a row

  private:
    Settings settings_;
    int early_deaths_ = 0;
};

// DEGRADED: entered by `threshold` early deaths within kWindow, left kQuiet after the last one. The pool then keeps one
// start in flight; it stops nobody.
class Intensity {
  public:
    static constexpr Duration kWindow = std::chrono::seconds(30);
    static constexpr Duration kQuiet = std::chrono::seconds(60);

    explicit Intensity(std::size_t seats);

    // Each returns true when it changed degraded().
    [[nodiscard]] bool early_death(TimePoint now);
    [[nodiscard]] bool tick(TimePoint now);

    [[nodiscard]] bool degraded() const { return degraded_; }

    [[nodiscard]] std::size_t deaths_in_window() const { return deaths_.size(); }

    [[nodiscard]] std::optional<TimePoint> deadline() const;  // when tick() may change something

  private:
    std::size_t threshold_;
    std::deque<TimePoint> deaths_;  // oldest first, none older than kWindow at the last death
    bool degraded_ = false;
};

}  // namespace fettle::supervisor::core

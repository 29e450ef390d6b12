#include "supervisor/core/backoff.h"

#include <algorithm>
#include <cmath>

namespace fettle::supervisor::core {

bool is_early_death(std::optional<TimePoint> ready_since, TimePoint died, bool did_its_work) {
    return !ready_since || (died - *ready_since < kEarlyUptime && !did_its_work);
}

Duration Backoff::early_death(Random& random) {
    ++early_deaths_;
    // In floating point: 2^(n-1) must not overflow after a night of crashes.
    const double base = std::chrono::duration<double>(settings_.base_delay).count();
    const double limit = std::chrono::duration<double>(settings_.max_delay).count();
    const double delay = std::min(limit, std::ldexp(base, early_deaths_ - 1));
    return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(delay * (0.5 + random.unit())));
}

Intensity::Intensity(std::size_t seats) : threshold_(std::max<std::size_t>(5, 2 * seats)) {}

bool Intensity::early_death(TimePoint now) {
    while (!deaths_.empty() && now - deaths_.front() > kWindow) {
        deaths_.pop_front();
    }
    deaths_.push_back(now);
    if (degraded_ || deaths_.size() < threshold_) {
        return false;
    }
    degraded_ = true;
    return true;
}

bool Intensity::tick(TimePoint now) {
    if (!degraded_ || now < deaths_.back() + kQuiet) {
        return false;
    }
    degraded_ = false;
    deaths_.clear();
    return true;
}

std::optional<TimePoint> Intensity::deadline() const {
    return degraded_ ? std::optional(deaths_.back() + kQuiet) : std::nullopt;
}

}  // namespace fettle::supervisor::core

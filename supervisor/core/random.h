// A small random generator (SplitMix64, Steele et al. 2014) for jitter: the same seed gives the same numbers on every
// platform, which the distributions of <random> do not promise. Not for secrets.
#pragma once

#include <cstdint>

namespace fettle::supervisor::core {

class Random {
  public:
    explicit Random(std::uint64_t seed) : state_(seed) {}

    [[nodiscard]] std::uint64_t next() {
        state_ += 0x9e3779b97f4a7c15U;
        std::uint64_t mixed = state_;
        mixed = (mixed ^ (mixed >> 30U)) * 0xbf58476d1ce4e5b9U;
        mixed = (mixed ^ (mixed >> 27U)) * 0x94d049bb133111ebU;
        return mixed ^ (mixed >> 31U);
    }

    // Uniform in [0, 1).
    [[nodiscard]] double unit() { return static_cast<double>(next() >> 11U) * 0x1.0p-53; }

    // Uniform in [-1, 1).
    [[nodiscard]] double spread() { return 2 * unit() - 1; }

  private:
    std::uint64_t state_;
};

}  // namespace fettle::supervisor::core

// A seeded source of 32-bit numbers: the same on every run and every machine.
#pragma once

#include <cstdint>
#include <random>

namespace fettle::test {

class Random {
  public:
    explicit Random(std::uint32_t seed) : engine_(seed) {}
    std::uint32_t operator()() { return static_cast<std::uint32_t>(engine_()); }

  private:
    std::mt19937 engine_;   // its sequence is fixed by the standard, unlike that of the distributions
};

}   // namespace fettle::test

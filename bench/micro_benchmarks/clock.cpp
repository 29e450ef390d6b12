// What a reading of the clocks costs on this machine: the unit in which time stamps are paid for.
#include <benchmark/benchmark.h>

#include <chrono>

namespace fettle::micro {

namespace {

template <class Clock>
void read_clock(benchmark::State& state) {
    for (auto _ : state) {
        benchmark::DoNotOptimize(Clock::now());
    }
}

BENCHMARK_TEMPLATE(read_clock, std::chrono::steady_clock)->Name("clock/monotonic");
BENCHMARK_TEMPLATE(read_clock, std::chrono::system_clock)->Name("clock/wall");

}  // namespace

}  // namespace fettle::micro

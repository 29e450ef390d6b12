// Measures one stage of a cycle that has several. A stage takes tens of nanoseconds, about as long as reading the
// clock, so it is run for a whole batch before the next one begins, and the clock is read twice per batch.
#pragma once

#include <benchmark/benchmark.h>

#include <chrono>
#include <cstdint>

namespace fettle::micro {

// Batches of one repetition. Fixed, for a repetition that lasted until enough time was measured would last very long
// where the measured stage is a small part of the cycle.
inline constexpr std::uint32_t kCycles = 500;

// For benchmarks with UseManualTime() and Iterations(kCycles * batch).
template <class Stage>
class BatchTimer {
  public:
    BatchTimer(benchmark::State& state, Stage measured, std::uint32_t batch)
        : state_(state), measured_(measured), batch_(batch) {}

    // The next batch is to be run: as many operations as `batch`, stage by stage.
    [[nodiscard]] bool next() { return state_.KeepRunningBatch(batch_); }

    // Runs `work(index)` for every operation of the batch; its time counts if `stage` is the measured one.
    template <class Work>
    void run(Stage stage, Work work) {
        const auto begin = std::chrono::steady_clock::now();
        for (std::uint32_t index = 0; index < batch_; ++index) {
            work(index);
        }
        const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - begin;
        if (stage == measured_) {
            state_.SetIterationTime(taken.count());
        }
    }

  private:
    benchmark::State& state_;
    Stage measured_;
    std::uint32_t batch_;
};

}  // namespace fettle::micro

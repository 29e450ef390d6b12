// The channel between balancer and worker, both ends on one CPU: what each of the four steps of a request costs.
#include "base/assert.h"
#include "bench/micro_benchmarks/batch_timer.h"
#include "bench/micro_benchmarks/channel_ends.h"
#include "bench/micro_benchmarks/sample_requests.h"

#include <array>

namespace fettle::micro {

namespace {

constexpr std::uint32_t kBatch = 64;

enum class Stage { Push, Claim, Respond, Harvest };

void channel_stage(benchmark::State& state, Stage measured, std::string_view wire, std::size_t body_bytes) {
    ChannelEnds ends;
    const std::vector<std::byte> request = make_request_record(wire);
    const std::vector<std::byte> response = make_response_record(one_header(), body_bytes);
    std::array<ipc::RequestKey, kBatch> keys;
    BatchTimer timer(state, measured, kBatch);
    while (timer.next()) {
        timer.run(Stage::Push, [&](std::uint32_t index) { keys[index] = push_request(ends.front(), request); });
        timer.run(Stage::Claim, [&](std::uint32_t index) {
            const auto message = ends.back().peek();
            FETTLE_ASSERT(message && ends.back().claim(keys[index]), "a request is there");
            ends.back().pop();
        });
        timer.run(Stage::Respond, [&](std::uint32_t index) { publish_response(ends.back(), keys[index], response); });
        timer.run(Stage::Harvest,
                  [&](std::uint32_t /*index*/) { benchmark::DoNotOptimize(harvest_response(ends.front())); });
    }
}

BENCHMARK_CAPTURE(channel_stage, named, Stage::Push, wrk_request(), 13)
        ->Iterations(kCycles* kBatch)
        ->UseManualTime()
        ->Name("ring/push/wrk");
BENCHMARK_CAPTURE(channel_stage, named, Stage::Push, browser_request(), 13)
        ->Iterations(kCycles* kBatch)
        ->UseManualTime()
        ->Name("ring/push/browser");
BENCHMARK_CAPTURE(channel_stage, named, Stage::Claim, wrk_request(), 13)
        ->Iterations(kCycles* kBatch)
        ->UseManualTime()
        ->Name("ring/claim");
BENCHMARK_CAPTURE(channel_stage, named, Stage::Respond, wrk_request(), 13)
        ->Iterations(kCycles* kBatch)
        ->UseManualTime()
        ->Name("ring/respond/hello");
BENCHMARK_CAPTURE(channel_stage, named, Stage::Respond, wrk_request(), 10240)
        ->Iterations(kCycles* kBatch)
        ->UseManualTime()
        ->Name("ring/respond/10KB");
BENCHMARK_CAPTURE(channel_stage, named, Stage::Harvest, wrk_request(), 13)
        ->Iterations(kCycles* kBatch)
        ->UseManualTime()
        ->Name("ring/harvest");

}  // namespace

}  // namespace fettle::micro

// CPU time per request of a real worker process: the interpreter as it is started in production, the application, the
// doorbells. Requests come in batches as the balancer prefetches them; with batches of one the worker sleeps and is
// woken for every request.
#include "base/assert.h"
#include "bench/micro_benchmarks/sample_requests.h"
#include "bench/micro_benchmarks/worker_process.h"

#include <benchmark/benchmark.h>

#include <thread>

namespace fettle::micro {

namespace {

constexpr int kWarmUpBatches = 50;

// The answer to the oldest request, as soon as it is there; large ones come in pieces.
bool harvest_some(ipc::BalancerChannel& channel, std::uint32_t& left) {
    ipc::ResponseMessage message;
    bool any = false;
    while (channel.peek(message) == ipc::BalancerChannel::Peek::Message) {
        FETTLE_ASSERT(message.kind != ipc::ResponseKind::Failed, "the application works");
        left -= message.last ? 1 : 0;
        any = true;
        channel.pop();
    }
    return any;
}

// This process sleeps by the clock and not by its bell: with the bell, the scheduler decides how many responses it
// finds per wake-up, and the figure is about the scheduler.
void run_batch(WorkerProcess& worker, std::span<const std::byte> request, std::uint32_t batch) {
    for (std::uint32_t index = 0; index < batch; ++index) {
        (void)push_request(worker.channel(), request);
    }
    worker.channels().ring_if_asleep(0);
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    for (std::uint32_t left = batch; left > 0;) {
        if (!harvest_some(worker.channel(), left)) {
            FETTLE_ASSERT(std::chrono::steady_clock::now() < deadline, "the worker answers");
            std::this_thread::sleep_for(std::chrono::microseconds(20));
        }
        worker.channels().ring_if_blocked(0);
    }
}

void cpu_per_request(benchmark::State& state, const char* target, std::string_view wire, std::uint32_t batch) {
    WorkerProcess worker(target);
    const std::vector<std::byte> request = make_request_record(wire);
    for (int count = 0; count < kWarmUpBatches; ++count) {
        run_batch(worker, request, batch);
    }
    while (state.KeepRunningBatch(batch)) {
        const auto before = worker.cpu_time();
        run_batch(worker, request, batch);
        state.SetIterationTime(std::chrono::duration<double>(worker.cpu_time() - before).count());
    }
}

BENCHMARK_CAPTURE(cpu_per_request, named, "application:hello", wrk_request(), 64)
        ->Name("worker_process/hello/1_header")
        ->Iterations(64 * 200)
        ->UseManualTime();
BENCHMARK_CAPTURE(cpu_per_request, named, "application:hello", browser_request(), 64)
        ->Name("worker_process/hello/12_headers")
        ->Iterations(64 * 200)
        ->UseManualTime();
BENCHMARK_CAPTURE(cpu_per_request, named, "application:hello", wrk_request(), 1)
        ->Name("worker_process/hello/woken_for_each")
        ->Iterations(1000)
        ->UseManualTime();
BENCHMARK_CAPTURE(cpu_per_request, named, "application:ten_kilobytes", wrk_request(), 64)
        ->Name("worker_process/10KB")
        ->Iterations(64 * 200)
        ->UseManualTime();
BENCHMARK_CAPTURE(cpu_per_request, named, "application:one_megabyte", wrk_request(), 1)
        ->Name("worker_process/1MB/woken_for_each")
        ->Iterations(1000)
        ->UseManualTime();
BENCHMARK_CAPTURE(cpu_per_request, named, "application:echo", upload_request(), 16)
        ->Name("worker_process/echo_10KB")
        ->Iterations(16 * 200)
        ->UseManualTime();

}  // namespace

}  // namespace fettle::micro

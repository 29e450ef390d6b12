// Doorbells: what it costs to find out that nobody sleeps, to ring one that does, and a whole round trip between two
// threads of this process's CPU that sleep whenever they have nothing to do.
#include "bench/micro_benchmarks/channel_ends.h"
#include "bench/micro_benchmarks/sample_requests.h"

#include <benchmark/benchmark.h>

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <thread>

namespace fettle::micro {

namespace {

void worker_finds_balancer_awake(benchmark::State& state) {
    ChannelEnds ends;
    for (auto _ : state) {
        ends.lane().notify(0);
    }
}

void balancer_finds_worker_awake(benchmark::State& state) {
    ChannelEnds ends;
    for (auto _ : state) {
        ends.balancer->ring_if_asleep(0);
    }
}

// The write itself, with nobody to wake.
void ring_unwatched(benchmark::State& state) {
    const Fd bell(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    const std::uint64_t one = 1;
    for (auto _ : state) {
        benchmark::DoNotOptimize(::write(bell.get(), &one, sizeof(one)));
    }
}

// Answers requests, and sleeps between them as a slot does.
void answer(ipc::WorkerLane& lane, const std::atomic<bool>& stop) {
    const std::vector<std::byte> response = make_response_record(one_header(), 13);
    while (!stop) {
        if (const auto message = lane.channel(0).peek()) {
            (void)lane.channel(0).claim(message->key);
            lane.channel(0).pop();
            publish_response(lane.channel(0), message->key, response);
            lane.notify(0);
            continue;
        }
        lane.about_to_sleep(ipc::LaneSleep::Idle);
        if (lane.has_message() || stop) {
            lane.awake();
        } else {
            (void)lane.block();
        }
    }
}

void sleep_until_response(ChannelEnds& ends) {
    ipc::ResponseMessage message;
    while (ends.front().peek(message) == ipc::BalancerChannel::Peek::Empty) {
        ends.balancer->set_asleep(0, true);
        if (ends.front().peek(message) == ipc::BalancerChannel::Peek::Empty) {
            pollfd bell{.fd = ends.balancer->thread_bell(0), .events = POLLIN, .revents = 0};
            (void)::poll(&bell, 1, -1);
            ends.balancer->drain_thread_bell(0);
        }
        ends.balancer->set_asleep(0, false);
    }
}

void round_trip(benchmark::State& state) {
    ChannelEnds ends;
    const std::vector<std::byte> request = make_request_record(wrk_request());
    std::atomic<bool> stop{false};
    std::thread worker([&] { answer(ends.lane(), stop); });
    for (auto _ : state) {
        (void)push_request(ends.front(), request);
        ends.balancer->ring_if_asleep(0);
        sleep_until_response(ends);
        benchmark::DoNotOptimize(harvest_response(ends.front()));
    }
    stop = true;
    ends.lane().wake();
    worker.join();
}

BENCHMARK(worker_finds_balancer_awake)->Name("doorbell/worker_finds_balancer_awake");
BENCHMARK(balancer_finds_worker_awake)->Name("doorbell/balancer_finds_worker_awake");
BENCHMARK(ring_unwatched)->Name("doorbell/ring_unwatched");
BENCHMARK(round_trip)->Name("doorbell/round_trip_both_sleep")->UseRealTime();

}  // namespace

}  // namespace fettle::micro

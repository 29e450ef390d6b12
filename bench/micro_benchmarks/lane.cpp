// The worker's side without Python: from a request in the ring to its response in the ring.
#include "base/assert.h"
#include "bench/micro_benchmarks/batch_timer.h"
#include "bench/micro_benchmarks/channel_ends.h"
#include "bench/micro_benchmarks/sample_requests.h"
#include "worker/native/lane/exchange.h"
#include "worker/native/lane/request_body.h"
#include "worker/native/lane/response_writer.h"

#include <cstring>
#include <memory>

namespace fettle::micro {

namespace {

enum class Stage { Push, Serve, Harvest };

void fill(worker::ResponseHead& head, const Headers& headers) {
    using Fault = worker::ResponseHead::Fault;
    FETTLE_ASSERT(head.set_status("200 OK") == Fault::None, "the sample is a valid status");
    for (const auto& [name, value] : headers) {
        FETTLE_ASSERT(head.add(name, value) == Fault::None, "the sample is a valid header");
    }
}

void serve(worker::Exchange& exchange, worker::RequestBody& body, worker::ResponseWriter& writer,
           const Headers& headers, std::span<const std::byte> content) {
    FETTLE_ASSERT(exchange.take(), "a request is there");
    body.begin({}, true, 0, false);
    writer.begin(false);
    fill(writer.head(), headers);
    const auto space = writer.reserve_whole(content.size());
    FETTLE_ASSERT(space.has_value(), "the batch fits the arena");
    std::memcpy(space->data(), content.data(), content.size());
    writer.commit_whole(1000);
    exchange.end();
}

void serve_requests(benchmark::State& state, std::size_t body_bytes, const Headers& headers, std::uint32_t batch) {
    ChannelEnds ends;
    ipc::BalancerChannel& front = ends.front();
    worker::Exchange exchange;
    exchange.attach(std::make_shared<worker::Attachment>(std::move(ends.worker)), 0);
    worker::RequestBody body(exchange);
    worker::ResponseWriter writer(exchange);
    const std::vector<std::byte> request = make_request_record(wrk_request());
    const std::vector<std::byte> content(body_bytes);
    BatchTimer timer(state, Stage::Serve, batch);
    while (timer.next()) {
        timer.run(Stage::Push, [&](std::uint32_t /*index*/) { (void)push_request(front, request); });
        timer.run(Stage::Serve, [&](std::uint32_t /*index*/) { serve(exchange, body, writer, headers, content); });
        timer.run(Stage::Harvest, [&](std::uint32_t /*index*/) { (void)harvest_response(front); });
    }
}

void check_head(benchmark::State& state, const Headers& headers) {
    worker::ResponseHead head;
    std::byte record[4096];
    for (auto _ : state) {
        fill(head, headers);
        head.write(std::span(record).first(head.record_bytes()), 0);
        benchmark::ClobberMemory();
    }
}

BENCHMARK_CAPTURE(check_head, named, one_header())->Name("lane/head/1_header");
BENCHMARK_CAPTURE(check_head, named, six_headers())->Name("lane/head/6_headers");
BENCHMARK_CAPTURE(serve_requests, named, 13, one_header(), 64)->UseManualTime()->Name("lane/serve/hello");
BENCHMARK_CAPTURE(serve_requests, named, 13, six_headers(), 64)->UseManualTime()->Name("lane/serve/hello_6_headers");
BENCHMARK_CAPTURE(serve_requests, named, 10240, one_header(), 64)->UseManualTime()->Name("lane/serve/10KB");
BENCHMARK_CAPTURE(serve_requests, named, 1024 * 1024 - 1024, one_header(), 1)->UseManualTime()->Name("lane/serve/1MB");

}  // namespace

}  // namespace fettle::micro

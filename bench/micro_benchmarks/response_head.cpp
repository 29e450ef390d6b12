// From a worker's response record to a head on the wire, and the framing of a body.
#include "balancer/http/response_writer.h"
#include "base/assert.h"
#include "bench/micro_benchmarks/sample_requests.h"

#include <benchmark/benchmark.h>

namespace fettle::micro {

namespace {

void write_head(benchmark::State& state, const Headers& headers) {
    const std::vector<std::byte> record = make_response_record(headers, 13);
    const http::ResponseContext context{
            .date = "Sun, 06 Nov 1994 08:49:37 GMT", .server = "fettle", .keep_alive = true};
    std::string wire;
    for (auto _ : state) {
        wire.clear();
        const auto reader = ipc::ResponseReader::parse(record);
        const auto start = http::write_response_head(*reader, true, context, wire);
        FETTLE_ASSERT(start.has_value(), "the sample is a valid response");
        benchmark::DoNotOptimize(wire.data());
    }
}

void frame_chunk(benchmark::State& state) {
    const std::vector<std::byte> piece(10240);
    http::BodyFramer framer(http::Framing::Chunked);
    for (auto _ : state) {
        benchmark::DoNotOptimize(framer.frame(piece, false).bytes());
    }
}

BENCHMARK_CAPTURE(write_head, named, one_header())->Name("response_head/1_header");
BENCHMARK_CAPTURE(write_head, named, six_headers())->Name("response_head/6_headers");
BENCHMARK(frame_chunk)->Name("response_body/frame_chunk");

}  // namespace

}  // namespace fettle::micro

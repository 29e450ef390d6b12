// From a parsed head to the record that a worker reads.
#include "balancer/http/request_encoder.h"

#include "bench/micro_benchmarks/sample_requests.h"
#include "config/schema.h"

#include <benchmark/benchmark.h>

namespace fettle::micro {

namespace {

void encode_request(benchmark::State& state, std::string_view wire) {
    http::RequestParser parser{config::Http{}};
    parse(parser, wire);
    alignas(ipc::RequestRecord) std::byte record[4096];
    for (auto _ : state) {
        const std::uint32_t bytes = http::encoded_bytes(parser.head(), sample_context(), 0);
        benchmark::DoNotOptimize(
                http::encode(std::span(record).first(bytes), parser.head(), sample_context(), 0, 0).bytes);
        benchmark::ClobberMemory();
    }
}

BENCHMARK_CAPTURE(encode_request, named, wrk_request())->Name("request_encoder/wrk");
BENCHMARK_CAPTURE(encode_request, named, browser_request())->Name("request_encoder/browser");

}  // namespace

}  // namespace fettle::micro

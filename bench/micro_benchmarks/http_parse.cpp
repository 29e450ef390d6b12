// Parsing of requests that arrive whole, on a connection that has had some before.
#include "bench/micro_benchmarks/sample_requests.h"
#include "config/schema.h"

#include <benchmark/benchmark.h>

namespace fettle::micro {

namespace {

void parse_request(benchmark::State& state, std::string_view wire) {
    http::RequestParser parser{config::Http{}};
    for (auto _ : state) {
        parse(parser, wire);
        benchmark::DoNotOptimize(parser.head().headers.data());
    }
}

BENCHMARK_CAPTURE(parse_request, named, wrk_request())->Name("http_parse/wrk_40B");
BENCHMARK_CAPTURE(parse_request, named, browser_request())->Name("http_parse/browser_547B");
BENCHMARK_CAPTURE(parse_request, named, upload_request())->Name("http_parse/upload_10KB");

}  // namespace

}  // namespace fettle::micro

// One line of the access log, formatted.
#include "balancer/http/access_log.h"

#include "base/assert.h"
#include "bench/micro_benchmarks/sample_requests.h"
#include "config/schema.h"

#include <benchmark/benchmark.h>

namespace fettle::micro {

namespace {

void format_line(benchmark::State& state, const std::string& text) {
    http::RequestParser parser{config::Http{}};
    parse(parser, browser_request());
    const auto format = http::AccessFormat::compile(text);
    FETTLE_ASSERT(format.has_value(), "the sample is a valid format");
    http::AccessRecord record{.head = &parser.head(),
                              .client_address = "192.0.2.7",
                              .request_id = "0123456789abcdef",
                              .unix_ms = 784111777042,
                              .duration = std::chrono::microseconds(250),
                              .queue = std::chrono::microseconds(15),
                              .app = std::chrono::microseconds(100),
                              .bytes_out = 13,
                              .seat = 3,
                              .worker_pid = 4711,
                              .status = 200};
    std::string line;
    for (auto _ : state) {
        line.clear();
        record.unix_ms += 1;
        format->write(record, line);
        benchmark::DoNotOptimize(line.data());
    }
}

BENCHMARK_CAPTURE(format_line, named, config::Log{}.access_format)->Name("access_log/combined");
BENCHMARK_CAPTURE(format_line, named, "json")->Name("access_log/json");

}  // namespace

}  // namespace fettle::micro

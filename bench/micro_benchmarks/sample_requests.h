// The requests and responses that the benchmarks are about.
#pragma once

#include "balancer/http/request_encoder.h"
#include "balancer/http/request_parser.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fettle::micro {

// 40 bytes, 1 header: what wrk sends.
[[nodiscard]] std::string_view wrk_request();
// 547 bytes, 12 headers: what a browser sends.
[[nodiscard]] std::string_view browser_request();
// A POST with a body of 10 KB.
[[nodiscard]] std::string_view upload_request();

// What a connection knows beyond the request.
[[nodiscard]] http::RequestContext sample_context();

// Feeds one whole request; its body is dropped. Aborts if the parser refuses it.
void parse(http::RequestParser& parser, std::string_view wire);

// The request as the balancer hands it to a worker (ipc/request_record.h).
[[nodiscard]] std::vector<std::byte> make_request_record(std::string_view wire);

using Headers = std::vector<std::pair<std::string, std::string>>;

[[nodiscard]] Headers one_header();   // Content-Type
[[nodiscard]] Headers six_headers();  // with the names that frameworks set

// A "200 OK" response as a worker hands it to the balancer (ipc/response_record.h).
[[nodiscard]] std::vector<std::byte> make_response_record(const Headers& headers, std::size_t body_bytes);

}  // namespace fettle::micro

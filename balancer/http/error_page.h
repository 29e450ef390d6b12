// The answers the balancer gives itself: complete, small text/plain responses that say what happened and, where it
// helps, what to do. They name nothing of our inside: no seat, pid, path or version.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace fettle::http {

// "Bad Request"; empty for a status that error_page() does not know.
[[nodiscard]] std::string_view reason_phrase(std::uint16_t status);

struct ErrorPage {
    std::uint16_t status = 500;  // 400, 404, 408, 413, 414, 417, 431, 500, 501, 502, 503, 504, 505 or 507
    // A sentence of ours (Refusal::reason); empty: the standard one of the status.
    std::string_view detail;
    // In the body and as X-Request-ID, so that the log can be searched for it; empty: none. See valid_request_id().
    std::string_view request_id;
    std::string_view date;
    std::string_view server;        // empty: no Server header
    std::uint32_t retry_after = 0;  // seconds; 0: no Retry-After
    std::uint8_t http_minor = 1;
    bool head_request = false;  // the head alone
    bool keep_alive = false;
};

// Appends the response to `wire`. Returns the size of its body (0 for HEAD), for the access log.
std::size_t write_error_page(const ErrorPage& page, std::string& wire);

}  // namespace fettle::http

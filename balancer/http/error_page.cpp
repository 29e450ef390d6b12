#include "balancer/http/error_page.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>

namespace fettle::http {

namespace {

struct Known {
    std::uint16_t status;
    std::string_view reason;
    std::string_view detail;
};

// The first also stands for a status that is not listed.
constexpr std::array<Known, 14> kKnown{{
        {500, "Internal Server Error", "The application failed to answer this request."},
        {400, "Bad Request", "The request is malformed."},
        {404, "Not Found", "There is nothing at this address."},
        {408, "Request Timeout", "The request did not arrive in time."},
        {413, "Content Too Large", "The request body is too large."},
        {414, "URI Too Long", "The request line is too long."},
        {417, "Expectation Failed", "The only expectation known here is 100-continue."},
        {431, "Request Header Fields Too Large", "The request headers are too large."},
        {501, "Not Implemented", "The request asks for something this server does not do."},
        {502, "Bad Gateway", "The process that handled this request ended before it answered."},
        {503, "Service Unavailable", "The server is too busy to take this request now."},
        {504, "Gateway Timeout", "The application did not answer in time."},
        {505, "HTTP Version Not Supported", "Only HTTP/1.0 and HTTP/1.1 are spoken here."},
        {507, "Insufficient Storage", "The server could not store the request."},
}};

const Known* find(std::uint16_t status) {
    const auto* known = std::find_if(kKnown.begin(), kKnown.end(),
                                     [&](const Known& candidate) { return candidate.status == status; });
    return known == kKnown.end() ? nullptr : known;
}

void append_body(const Known& known, const ErrorPage& page, std::string& wire) {
    fmt::format_to(std::back_inserter(wire), "{} {}\n\n{}\n", known.status, known.reason,
                   page.detail.empty() ? known.detail : page.detail);
    if (page.retry_after != 0) {
        fmt::format_to(std::back_inserter(wire), "Try again in {} s.\n", page.retry_after);
    }
    if (!page.request_id.empty()) {
        fmt::format_to(std::back_inserter(wire), "Request id: {}\n", page.request_id);
    }
}

}  // namespace

std::string_view reason_phrase(std::uint16_t status) {
    const Known* known = find(status);
    return known != nullptr ? known->reason : std::string_view{};
}

std::size_t write_error_page(const ErrorPage& page, std::string& wire) {
    const Known* found = find(page.status);
    const Known& known = found != nullptr ? *found : kKnown.front();
    std::string body;
    append_body(known, page, body);

    const auto out = std::back_inserter(wire);
    fmt::format_to(out,
                   "HTTP/1.1 {} {}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\nDate: {}\r\n",
                   known.status, known.reason, body.size(), page.date);
    if (!page.server.empty()) {
        fmt::format_to(out, "Server: {}\r\n", page.server);
    }
    if (page.retry_after != 0) {
        fmt::format_to(out, "Retry-After: {}\r\n", page.retry_after);
    }
    if (!page.request_id.empty()) {
        fmt::format_to(out, "X-Request-ID: {}\r\n", page.request_id);
    }
    if (!page.keep_alive) {
        wire.append("Connection: close\r\n");
    } else if (page.http_minor == 0) {
        wire.append("Connection: keep-alive\r\n");
    }
    wire.append("\r\n");
    if (page.head_request) {
        return 0;
    }
    wire.append(body);
    return body.size();
}

}  // namespace fettle::http

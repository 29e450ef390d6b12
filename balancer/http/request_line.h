// The request line (RFC 9112 3): "METHOD SP request-target SP HTTP/1.x", with one blank at each place and nothing else.
#pragma once

#include <cstdint>
#include <string_view>
#include <variant>

namespace fettle::http {

// Why a request is answered by the balancer instead of the application.
struct Refusal {
    std::uint16_t status = 0;   // 400, 413, 414, 417, 431, 501 or 505
    std::string_view reason{};  // one sentence for the client and the log; static, holds nothing of the request
};

// Views into the line that was parsed, or static.
struct RequestLine {
    std::string_view method;
    std::string_view target;
    std::string_view path;  // "*" for OPTIONS *
    std::string_view query;
    std::string_view authority;  // of an absolute-form target; it replaces Host
    std::uint8_t http_minor = 1;
};

// `line` has no line end. Any minor version above 1 is spoken to as HTTP/1.1 (RFC 9110 2.5). Methods are no fixed list:
// the application knows which it serves. Only what could be taken for another one is refused: a method is
// case-sensitive (RFC 9110 9.1), but applications compare it in capitals, and whoever filters requests in front of us
// may not.
[[nodiscard]] std::variant<RequestLine, Refusal> parse_request_line(std::string_view line);

// True if `host` may be the value of Host or the authority of a target: an optional host and an optional port, no user
// information.
[[nodiscard]] bool valid_host(std::string_view host);

}  // namespace fettle::http

// RequestParser: strict, incremental HTTP/1.0 and 1.1 request parsing for one connection (RFC 9110, RFC 9112).
//
// A request is parsed exactly once, here. What two parsers could read in two ways is refused, because everything behind this class
// works on the parsed values only (design: workers never see the wire image).
//
// Division of labour with llhttp 9.2 (all lenient flags off):
//   here    the request line: llhttp takes several blanks between its parts, the protocols RTSP and ICE, fragments, and tells none of it;
//           at most one empty line before it. Host and request-target rules. Framing: which of Content-Length, Transfer-Encoding or
//           neither holds, and that nothing contradicts it; bodies with a Content-Length are counted here. All limits.
//   llhttp  header lines (token names, no blank before the colon, no obs-fold, no bare CR or LF, no control characters), Content-Length
//           digits and overflow, Connection tokens, the chunked coding with its extensions and trailers. The request line is shown to
//           it as well, and it must agree.
//
// Pure: no sockets, no clock. Not thread-safe. In steady state nothing is allocated: buffers are reused from request to request, and
// given back only when an unusually large head had blown them up.
#pragma once

#include "config/schema.h"
#include "ipc/request_record.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace fettle::http {

// Ceilings on top of the configured limits: a head must always fit a request record in the channel's arena.
inline constexpr int kHighestMaxHeaders = 1000;
inline constexpr int kHighestMaxRequestLine = 32 * 1024;
inline constexpr int kHighestMaxHeaderBytes = 64 * 1024;

enum class BodyKind : std::uint8_t {
    None,      // no body, or Content-Length: 0
    Length,    // content_length bytes follow
    Chunked,   // de-chunked by the parser; the length is known at the end only
};

struct HeaderField {
    std::string_view name;    // lower case
    std::string_view value;   // without surrounding blanks
    ipc::KnownHeader known = ipc::KnownHeader::Other;
};

// A parsed head. All views point into the parser and stay valid, unchanged, until the first feed() after MessageComplete.
struct RequestHead {
    std::string_view request_line;   // as received, without the line end; for the access log. The rest is set once it was valid
    std::string_view method;
    std::string_view target;   // as received
    std::string_view path;     // before the '?', percent-encoded as received; "*" for OPTIONS *. From absolute-form: its path
    std::string_view query;    // behind the '?', without it
    // In the order received, without Transfer-Encoding (the body is de-chunked) and without names that contain '_' (in environ they
    // would collide with '-'). The value of Host is replaced by the authority of an absolute-form target (RFC 9112 3.2.2).
    std::vector<HeaderField> headers;
    std::uint64_t content_length = 0;   // with BodyKind::Length
    BodyKind body = BodyKind::None;
    std::uint8_t http_minor = 1;
    bool keep_alive = false;         // the client's wish; the connection may know better
    bool expects_continue = false;   // "Expect: 100-continue" of an HTTP/1.1 request with a body
    bool is_head = false;

    // The first header of that name; nullopt if there is none.
    [[nodiscard]] std::optional<std::string_view> find(ipc::KnownHeader known) const;
    [[nodiscard]] std::optional<std::string_view> find(std::string_view lower_case_name) const;
};

class RequestParser {
  public:
    // `limits` must outlive the parser.
    explicit RequestParser(const config::Http& limits);
    RequestParser(const RequestParser&) = delete;
    RequestParser& operator=(const RequestParser&) = delete;
    ~RequestParser();

    enum class Event : std::uint8_t {
        NeedMore,          // all bytes are consumed and nothing can be said yet
        HeadComplete,      // head() is valid
        BodyPiece,         // Step::body, inside the bytes that were fed; never empty
        MessageComplete,   // the next feed() begins the next request
        Refused,           // see refusal(); answer and close. Every later feed() says Refused again and consumes nothing
    };

    struct Step {
        Event event = Event::NeedMore;
        std::size_t consumed = 0;
        std::span<const std::byte> body;
    };

    // Parses up to the next event; bytes behind it are not touched and are to be fed again. HeadComplete is always followed, possibly
    // after body pieces, by MessageComplete or Refused; without a body the very next feed() says MessageComplete, consuming nothing, so
    // it may be fed an empty span. The result does not depend on how the bytes are cut.
    [[nodiscard]] Step feed(std::span<const std::byte> bytes);

    // Valid from HeadComplete on; in case of Refused what was understood until then (request_line first).
    [[nodiscard]] const RequestHead& head() const { return head_; }

    // True from the first byte of a request until MessageComplete: a connection that ends then was cut off in the middle.
    [[nodiscard]] bool in_message() const;
    // Body bytes of the current message passed on so far.
    [[nodiscard]] std::uint64_t body_bytes() const { return body_bytes_; }

    struct Refusal {
        std::uint16_t status = 0;    // 400, 413, 414, 417, 431, 501 or 505
        std::string_view reason;   // one sentence for the client and the log; static, holds nothing of the request
    };

    [[nodiscard]] const Refusal& refusal() const { return refusal_; }

  private:
    class Llhttp;   // the only place that knows llhttp

    enum class Phase : std::uint8_t { RequestLine, Headers, Body, Complete, Refused };

    [[nodiscard]] Step feed_request_line(std::span<const std::byte> bytes);
    [[nodiscard]] Step feed_headers(std::span<const std::byte> bytes);
    [[nodiscard]] Step feed_body(std::span<const std::byte> bytes);
    Step refuse(std::uint16_t status, std::string_view reason, std::size_t consumed);

    const config::Http& limits_;
    std::unique_ptr<Llhttp> llhttp_;
    RequestHead head_;
    Refusal refusal_;
    std::uint64_t body_bytes_ = 0;
    Phase phase_ = Phase::RequestLine;
};

}   // namespace fettle::http

// RequestParser: strict, incremental HTTP/1.0 and 1.1 request parsing for one connection (RFC 9110, RFC 9112).
//
// A request is parsed exactly once, here. What two parsers could read in two ways is refused, because everything behind
// this class works on the parsed values only (design: workers never see the wire image).
//
// Division of labour with llhttp 9.2, all lenient flags off; each point was tried against it.
//
// Done here:
// - The request line (request_line.h), because llhttp takes several blanks between its parts, fragments, and the
//   protocols RTSP and ICE without telling, and knows a fixed list of methods only. It is shown a line of ours instead.
//   At most one empty line before it.
// - Host, target, Connection and Expect rules.
// - Transfer-Encoding is absent or exactly "chunked" and of HTTP/1.1; llhttp takes "gzip, chunked" and HTTP/1.0.
// - Chunk extensions have names, and values where there is a '='; llhttp takes ";=", ";;" and ";a=b\"c\"".
// - Bodies with a Content-Length are counted.
// - All limits. llhttp has none, not even for chunk extensions and leading zeros of chunk sizes.
//
// Relied upon:
// - Header lines: token names, no blank before the colon, no obs-fold, no bare CR or LF, no control characters.
// - Content-Length: digits, overflow, at most once, never beside Transfer-Encoding.
// - The chunked coding with extensions and trailers.
//
// docs/http.md tells users where this is stricter than the RFCs; tests/http_cases shows each rule.
//
// Pure: no sockets, no clock. Not thread-safe. In steady state nothing is allocated: buffers are reused from request to
// request, and given back only when an unusually large head had blown them up.
#pragma once

#include "balancer/http/request_line.h"
#include "config/schema.h"
#include "ipc/request_record.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace fettle::http {

// Ceilings on top of the configured limits: a head must always fit a request record in the channel's arena.
inline constexpr int kHighestMaxHeaders = 1000;
inline constexpr int kHighestMaxRequestLine = 32 * 1024;
inline constexpr int kHighestMaxHeaderBytes = 64 * 1024;

enum class BodyKind : std::uint8_t {
    None,     // no body, or Content-Length: 0
    Length,   // content_length bytes follow
    Chunked,  // de-chunked by the parser; the length is known at the end only
};

struct HeaderField {
    std::string_view name;   // lower case
    std::string_view value;  // without surrounding blanks
    ipc::KnownHeader known = ipc::KnownHeader::Other;
};

// A parsed head. All views point into the parser and stay valid, unchanged, until the first feed() after
// MessageComplete.
struct RequestHead {
    // As received, without the line end; for the access log. The rest is set once it was found valid.
    std::string_view request_line;
    std::string_view method;
    std::string_view target;  // as received
    // Before the '?', percent-encoded as received; of an absolute-form target its path; "*" for OPTIONS *.
    std::string_view path;
    std::string_view query;  // behind the '?', without it
    // In the order received, without Transfer-Encoding (the body is de-chunked) and without names that contain '_' (in
    // environ they would collide with '-'; http.underscore_headers may refuse them instead). The value of Host is
    // replaced by the authority of an absolute-form target (RFC 9112 3.2.2).
    std::vector<HeaderField> headers;
    std::uint64_t content_length = 0;  // with BodyKind::Length
    BodyKind body = BodyKind::None;
    std::uint8_t http_minor = 1;
    bool keep_alive = false;        // the client's wish; the connection may know better
    bool expects_continue = false;  // "Expect: 100-continue" of an HTTP/1.1 request with a body
    bool is_head = false;
    // The name of the first header that was left out because of its '_'; empty: none was.
    std::string_view underscore_header;

    // The first header of that name; nullopt if there is none.
    [[nodiscard]] std::optional<std::string_view> find(ipc::KnownHeader known) const;
    [[nodiscard]] std::optional<std::string_view> find(std::string_view lower_case_name) const;
};

class RequestParser {
  public:
    // Limits above kHighest... are lowered to them.
    explicit RequestParser(const config::Http& limits);
    RequestParser(const RequestParser&) = delete;
    RequestParser& operator=(const RequestParser&) = delete;
    ~RequestParser();

    enum class Event : std::uint8_t {
        NeedMore,         // all bytes are consumed and nothing can be said yet
        HeadComplete,     // head() is valid
        BodyPiece,        // Step::body, inside the bytes that were fed; never empty
        MessageComplete,  // the next feed() begins the next request
        Refused,          // see refusal(); answer and close. Every later feed() says Refused again and consumes nothing
    };

    struct Step {
        Event event = Event::NeedMore;
        std::size_t consumed = 0;
        std::span<const std::byte> body;
    };

    // Parses up to the next event; bytes behind it are not touched and are to be fed again. Call it with the rest, even
    // if that is empty, until it says NeedMore, MessageComplete or Refused: HeadComplete is always followed, possibly
    // after body pieces, by one of them. What is accepted, and as what, does not depend on how the bytes are cut (of
    // several faults in one request, which is named may).
    [[nodiscard]] Step feed(std::span<const std::byte> bytes);

    // Valid from HeadComplete on; in case of Refused what was understood until then (request_line first).
    [[nodiscard]] const RequestHead& head() const { return head_; }

    // For taking headers away and replacing values between HeadComplete and MessageComplete; what a new value refers to
    // must live as long as the head.
    [[nodiscard]] RequestHead& head() { return head_; }

    // True from the first byte of a request until MessageComplete: a connection that ends then was cut off in the
    // middle.
    [[nodiscard]] bool in_message() const;

    // Body bytes of the current message passed on so far.
    [[nodiscard]] std::uint64_t body_bytes() const { return body_bytes_; }

    // Bytes it takes up, its buffers included. Between two messages it does not change.
    [[nodiscard]] std::size_t memory() const;

    // After Refused: what to answer.
    [[nodiscard]] const Refusal& refusal() const { return refusal_; }

  private:
    class Llhttp;  // the only place that knows llhttp

    enum class Phase : std::uint8_t { RequestLine, Headers, Body, Complete, Refused };

    struct Field {  // offsets into header_text_, which may still move
        std::uint32_t name = 0;
        std::uint32_t name_bytes = 0;
        std::uint32_t value = 0;
        std::uint32_t value_bytes = 0;
        ipc::KnownHeader known = ipc::KnownHeader::Other;
    };

    void begin_message();
    [[nodiscard]] Step feed_request_line(std::string_view bytes);
    [[nodiscard]] Step feed_headers(std::string_view bytes);
    [[nodiscard]] Step feed_body(std::string_view bytes);
    [[nodiscard]] Step feed_chunked(std::string_view bytes);
    [[nodiscard]] Step refuse(Refusal refusal, std::size_t consumed);
    [[nodiscard]] Refusal accept_request_line();
    [[nodiscard]] Refusal accept_field();
    [[nodiscard]] Refusal judge_field(ipc::KnownHeader known, std::string_view value);
    [[nodiscard]] Refusal judge_expect(std::string_view value);
    void note_connection(std::string_view value);
    [[nodiscard]] Refusal accept_head();
    [[nodiscard]] std::string_view field_name(const Field& field) const;
    [[nodiscard]] std::string_view field_value(const Field& field) const;
    void publish_headers();

    const std::size_t max_request_line_;
    const std::size_t max_header_bytes_;
    const std::size_t max_headers_;
    const std::uint64_t max_body_bytes_;
    const bool refuse_underscores_;
    std::unique_ptr<Llhttp> llhttp_;
    Phase phase_ = Phase::RequestLine;
    Refusal refusal_;
    RequestHead head_;

    // request line
    std::string line_;  // with its line end
    bool skipped_empty_line_ = false;
    std::string_view authority_;

    // headers
    std::string header_text_;  // names (lower case) and values, back to back
    std::vector<Field> fields_;
    std::size_t header_bytes_ = 0;  // fed to llhttp, line ends and blanks included
    std::size_t header_count_ = 0;  // also those that are dropped
    std::string underscore_header_;
    bool has_host_ = false;
    bool has_content_length_ = false;
    bool has_transfer_encoding_ = false;
    bool wants_close_ = false;
    bool wants_keep_alive_ = false;

    // body
    std::uint64_t body_bytes_ = 0;
    std::size_t extension_bytes_ = 0;  // of all chunks
    std::size_t framing_bytes_ = 0;    // since the last body byte
};

}  // namespace fettle::http

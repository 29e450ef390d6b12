// From a worker's response record to bytes on the wire: judges the head, decides the framing, frames the body.
//
// The record lies in memory the worker can change at any moment: every character is copied first and the copy is
// judged. Body bytes stay where they are; only framing decided here tells a client where they end, so whatever they
// turn into cannot desynchronise it.
#pragma once

#include "base/result.h"
#include "ipc/response_record.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace fettle::http {

// How the client learns where the body ends.
enum class Framing : std::uint8_t {
    None,     // there is none: HEAD, 204, 304
    Length,   // Content-Length
    Chunked,  // HTTP/1.1 without a length
    Close,    // HTTP/1.0 without a length: the end of the connection
};

// One piece of body, framed: send prefix, payload, suffix in this order (one iovec each; any may be empty). It owns its
// prefix and must stay where it is until sent; the payload stays in the worker's memory.
class FramedPiece {
  public:
    [[nodiscard]] std::string_view prefix() const { return {prefix_.data(), prefix_bytes_}; }

    [[nodiscard]] std::span<const std::byte> payload() const { return payload_; }

    [[nodiscard]] std::string_view suffix() const { return suffix_; }

    [[nodiscard]] std::size_t bytes() const { return prefix_bytes_ + payload_.size() + suffix_.size(); }

  private:
    friend class BodyFramer;
    std::array<char, 18> prefix_{};  // at most 16 hexadecimal digits, CR LF
    std::uint8_t prefix_bytes_ = 0;
    std::span<const std::byte> payload_;
    std::string_view suffix_;  // static text
};

// Frames the pieces of one response body.
class BodyFramer {
  public:
    BodyFramer() = default;
    // `length` counts with Framing::Length only.
    explicit BodyFramer(Framing framing, std::uint64_t length = 0);

    // The next piece (may be empty). `last`: the body ends with it. Not to be called again after that.
    [[nodiscard]] FramedPiece frame(std::span<const std::byte> piece, bool last);

    [[nodiscard]] Framing framing() const { return framing_; }

    // Body bytes framed so far, without chunk headers.
    [[nodiscard]] std::uint64_t payload_bytes() const { return payload_bytes_; }

    // The application gave more than it declared: the surplus was cut off. The client's connection is sound.
    [[nodiscard]] bool too_long() const { return too_long_; }

    // The last piece was framed and the application gave less than it declared: the connection must be closed, so that
    // the client sees the loss.
    [[nodiscard]] bool too_short() const { return ended_ && framing_ == Framing::Length && payload_bytes_ < length_; }

    // The client has all of the body it was promised.
    [[nodiscard]] bool complete() const;

  private:
    std::uint64_t length_ = 0;
    std::uint64_t payload_bytes_ = 0;
    Framing framing_ = Framing::None;
    bool too_long_ = false;
    bool ended_ = false;
};

// What the request and the settings say about the response.
struct ResponseContext {
    std::string_view date;    // of now (http_date.h)
    std::string_view server;  // the Server header unless the application sets one; empty: none
    std::uint8_t http_minor = 1;
    bool head_request = false;
    bool keep_alive = false;  // the connection would like to go on
};

struct ResponseStart {
    std::uint16_t status = 0;
    bool keep_alive = false;  // false: close after this response; the head says so
    BodyFramer framer;
    std::span<const std::byte> body;  // the first piece (worker's memory), not yet framed
};

// The code of an Error about what the worker checks itself (worker/native/lane/response_head.h): it has lied. Any other
// Error is the application's.
inline constexpr std::errc kForgedHead = std::errc::protocol_error;

// Judges the head and appends it, ready to send, to `wire`; on error `wire` is as before. `last`: the record holds the
// whole body. An Error is for the log.
// Refused are: a status outside 200..599; a reason, name or value with characters HTTP does not allow there; hop-by-hop
// headers (PEP 3333); a Content-Length that is no number or occurs twice; a head of more than
// ipc::kMaxResponseHeadBytes.
[[nodiscard]] Result<ResponseStart> write_response_head(ipc::ResponseReader record, bool last,
                                                        const ResponseContext& context, std::string& wire);

// "HTTP/1.1 100 Continue" with its empty line.
inline constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

}  // namespace fettle::http

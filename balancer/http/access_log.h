// The access log's lines: Gunicorn's format language
// (https://docs.gunicorn.org/en/stable/settings.html#access-log-format), compiled once at the start, or "json".
//
//   %(h)s client address      %(l)s "-"                 %(u)s user name of Basic authentication
//   %(t)s [time, UTC]         %(r)s request line        %(m)s method     %(U)s path       %(q)s query    %(H)s protocol
//   %(s)s status              %(B)s body bytes sent     %(b)s the same, "-" for 0
//   %(f)s Referer             %(a)s User-Agent          %(p)s <worker's pid>
//   %(T)s %(M)s %(D)s %(L)s   duration in seconds, milliseconds, microseconds, decimal seconds
//   %({name}i)s %({name}o)s   a request or response header
// and ours: %(id)s request id, %(seat)s, %(queue_ms)s, %(app_ms)s, %(I)s body bytes received. `%%` is a percent sign.
// Gunicorn's
// %({name}e)s does not exist here: environ stays in the worker. A value that is not known is "-".
//
// Values come from clients: quotes, backslashes, control characters and bytes above 126 are written as \" \\ \xhh, so
// that a value can neither end its quotes nor its line nor drive a terminal. JSON values are escaped by RFC 8259 and
// are always valid UTF-8.
#pragma once

#include "balancer/http/request_parser.h"
#include "base/result.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fettle::http {

// One finished request. Views must be valid during AccessFormat::write() only.
struct AccessRecord {
    const RequestHead* head = nullptr;  // never null; of a refused request possibly with nothing but its request_line
    std::string_view client_address;    // empty for a Unix socket
    std::string_view request_id;
    std::string_view response_head;        // wire image; needed only if wants_response_head()
    std::int64_t unix_ms = 0;              // wall-clock time of the request's arrival
    std::chrono::nanoseconds duration{0};  // from the arrival of the head to the last byte handed to the kernel
    std::optional<std::chrono::nanoseconds> queue;  // waiting for a slot
    std::optional<std::chrono::nanoseconds> app;    // in the application
    std::uint64_t bytes_in = 0;                     // body
    std::uint64_t bytes_out = 0;                    // body
    std::optional<std::uint32_t> seat;              // none: answered by the balancer itself
    std::int32_t worker_pid = 0;                    // 0: unknown
    std::uint16_t status = 0;
};

enum class AccessAtom : std::uint8_t {
    None,  // literal text only
    ClientAddress,
    Dash,
    User,
    Time,
    RequestLine,
    Method,
    Path,
    Query,
    Protocol,
    Status,
    BytesOut,
    BytesOutOrDash,
    BytesIn,
    Referer,
    UserAgent,
    Seconds,
    Milliseconds,
    Microseconds,
    DecimalSeconds,
    Pid,
    RequestHeader,
    ResponseHeader,
    RequestId,
    Seat,
    QueueMilliseconds,
    AppMilliseconds,
};

struct AccessPart {
    std::string literal;  // text in front of the atom
    AccessAtom atom = AccessAtom::None;
    std::string header;  // lower case; for the two header atoms
};

class AccessFormat {
  public:
    // An unknown or ill-formed atom is an error that names it, its position and the known ones.
    static Result<AccessFormat> compile(std::string_view format);

    // True if AccessRecord::response_head must be filled: the connection then keeps a copy of the head.
    [[nodiscard]] bool wants_response_head() const { return wants_response_head_; }

    // Appends one line, without a newline, to `line`.
    void write(const AccessRecord& record, std::string& line) const;

  private:
    AccessFormat() = default;

    std::vector<AccessPart> parts_;
    bool json_ = false;
    bool wants_response_head_ = false;
};

}  // namespace fettle::http

// The record behind a RequestKind::Request descriptor: a fixed struct of (offset, length) spans, then the header
// entries, then the bytes they point to. The balancer fills it from the parsed request, value by value; the wire image
// never reaches a worker, so the two cannot disagree about framing.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace fettle::ipc {

// Offset from the start of the record.
struct Span {
    std::uint32_t offset = 0;
    std::uint32_t length = 0;
};

inline constexpr std::uint64_t kBodyLengthUnknown =
        ~std::uint64_t{0};  // a chunked body that is streamed to the application

// Header names that have a prepared environ key in the worker. 0 is "any other name".
enum class KnownHeader : std::uint16_t {
    Other = 0,
    Accept,
    AcceptCharset,
    AcceptEncoding,
    AcceptLanguage,
    Authorization,
    CacheControl,
    Connection,
    ContentLength,
    ContentType,
    Cookie,
    Dnt,
    Expect,
    Forwarded,
    From,
    Host,
    IfMatch,
    IfModifiedSince,
    IfNoneMatch,
    IfRange,
    IfUnmodifiedSince,
    KeepAlive,
    Origin,
    Pragma,
    Range,
    Referer,
    SecFetchDest,
    SecFetchMode,
    SecFetchSite,
    SecFetchUser,
    Te,
    TransferEncoding,
    Upgrade,
    UpgradeInsecureRequests,
    UserAgent,
    Via,
    XForwardedFor,
    XForwardedHost,
    XForwardedProto,
    XRealIp,
    XRequestId,
    XRequestedWith,
    Count,
};

// The lower-case name of a known header ("accept-encoding"); empty for Other and Count.
[[nodiscard]] std::string_view known_header_name(KnownHeader header);
// Looks up a lower-case name.
[[nodiscard]] KnownHeader find_known_header(std::string_view lower_case_name);

struct HeaderEntry {
    Span name;                // lower case
    Span value;               // without surrounding white space
    std::uint16_t known = 0;  // KnownHeader
    std::uint16_t reserved[3]{};
};

struct RequestRecord {
    std::uint32_t total_bytes = 0;  // of the record, the inline body included
    std::uint16_t header_count = 0;
    std::uint8_t http_minor = 1;    // HTTP/1.x
    std::uint8_t https = 0;         // 1: the client's scheme is https
    std::uint64_t body_length = 0;  // of the whole body; kBodyLengthUnknown for a streamed chunked one
    Span method;
    Span path;            // before the '?', percent-encoded as received; "*" for OPTIONS *
    Span query;           // behind the '?', without it
    Span client_address;  // numeric; empty for a Unix socket, or if a proxy hides it
    Span server_name;     // what SERVER_NAME says: the listening address, the Unix socket's path, or what a proxy says
    Span request_id;      // 16 hexadecimal digits of ours, or the client's valid X-Request-ID
    Span body;            // the first (or whole) body, inline
    std::uint16_t client_port = 0;       // 0: not known
    std::uint16_t server_port = 0;       // 0 for a Unix socket
    std::uint32_t expects_continue = 0;  // 1: the client waits for "100 Continue"
    // HeaderEntry[header_count] follows, then the bytes.
};

static_assert(sizeof(HeaderEntry) == 24 && sizeof(RequestRecord) == 80 && alignof(RequestRecord) == 8);

// Reads a record in place. The worker trusts the balancer, yet a span that leaves the payload is refused, not followed.
class RequestView {
  public:
    // `payload` is what the descriptor points to and must outlive the view.
    explicit RequestView(std::span<const std::byte> payload);

    [[nodiscard]] bool valid() const { return record_ != nullptr; }

    [[nodiscard]] const RequestRecord& record() const { return *record_; }

    [[nodiscard]] std::string_view text(Span span) const;  // empty if out of range
    [[nodiscard]] std::span<const HeaderEntry> headers() const;

  private:
    std::span<const std::byte> payload_;
    const RequestRecord* record_ = nullptr;
};

}  // namespace fettle::ipc

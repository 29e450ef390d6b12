// Writes a parsed request as the record a worker reads (ipc/request_record.h): value by value, never the wire image.
#pragma once

#include "balancer/http/request_parser.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace fettle::http {

// What the connection knows beyond the head; the views are copied by encode().
struct RequestContext {
    std::string_view client_address;  // numeric; empty for a Unix socket
    std::string_view server_name;     // the listening address, or the Unix socket's path
    std::string_view request_id;
    std::uint16_t client_port = 0;
    std::uint16_t server_port = 0;  // 0 for a Unix socket
    bool https = false;
};

// The bytes encode() needs for this head and `inline_body` bytes of body.
[[nodiscard]] std::uint32_t encoded_bytes(const RequestHead& head, const RequestContext& context,
                                          std::uint32_t inline_body);

struct EncodedRequest {
    std::uint32_t bytes = 0;  // of the whole record, as encoded_bytes() said
    // The last `inline_body` bytes of the record, for the caller to fill before it is pushed.
    std::span<std::byte> body;
};

// Writes the record to the start of `out`, which holds at least encoded_bytes() and is aligned for RequestRecord.
// `body_length` is that of the whole body or ipc::kBodyLengthUnknown; `inline_body` is how much of it travels in the
// record.
EncodedRequest encode(std::span<std::byte> out, const RequestHead& head, const RequestContext& context,
                      std::uint64_t body_length, std::uint32_t inline_body);

// Room for a request id: 16 hexadecimal digits of ours, or the client's.
inline constexpr std::size_t kMaxRequestId = 64;

// True if a client's X-Request-ID may be used as ours: 1..kMaxRequestId characters of [A-Za-z0-9._~+/=-].
[[nodiscard]] bool valid_request_id(std::string_view id);

}  // namespace fettle::http

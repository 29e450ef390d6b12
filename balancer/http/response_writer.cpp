#include "balancer/http/response_writer.h"

#include "balancer/http/characters.h"
#include "base/assert.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <iterator>
#include <optional>

namespace fettle::http {

namespace {

constexpr std::array<std::string_view, 11> kHopByHop{"connection",
                                                     "keep-alive",
                                                     "proxy-authenticate",
                                                     "proxy-authorization",
                                                     "proxy-authentication-info",
                                                     "proxy-connection",
                                                     "te",
                                                     "trailer",
                                                     "trailers",
                                                     "transfer-encoding",
                                                     "upgrade"};

bool hop_by_hop(std::string_view name) {
    return std::any_of(kHopByHop.begin(), kHopByHop.end(),
                       [&](std::string_view hop) { return equal_ignoring_case(name, hop); });
}

// A text of the application, shortened and made harmless, for an error message.
std::string quoted(std::string_view text) {
    constexpr std::size_t kShown = 64;
    std::string shown = "'";
    for (const char c : text.substr(0, kShown)) {
        if (c >= 0x20 && c < 0x7f) {
            shown += c;
        } else {
            fmt::format_to(std::back_inserter(shown), "\\x{:02x}", static_cast<unsigned char>(c));
        }
    }
    return shown + (text.size() > kShown ? "...'" : "'");
}

Error forged(std::string what) {
    return Error{std::move(what), std::make_error_code(kForgedHead)};
}

// What the judged headers say about the rest of the response.
struct Facts {
    std::optional<std::uint64_t> content_length;
    bool has_date = false;
    bool has_server = false;
};

Result<std::uint64_t> parse_length(std::string_view text) {
    std::uint64_t length = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), length);
    if (error != std::errc{} || end != text.data() + text.size()) {
        return forged("the worker set Content-Length to " + quoted(text) + ", which is not a number of bytes");
    }
    return length;
}

// Copies one header to `wire` (so that the worker can no longer change it), then judges the copy. Content-Length is
// noted and taken out again: whether it is sent depends on the framing.
Result<void> copy_header(const ipc::ResponseReader::Header& header, std::string& wire, Facts& facts) {
    const std::size_t start = wire.size();
    const std::size_t name_bytes = header.name.size();
    wire.append(header.name).append(": ").append(header.value).append("\r\n");
    const std::string_view copy = std::string_view(wire).substr(start);
    const std::string_view name = copy.substr(0, name_bytes);
    const std::string_view value = copy.substr(name_bytes + 2, header.value.size());
    if (name.empty() || !all(characters::kToken, name)) {
        return forged("the worker set a header named " + quoted(name) + ", which is not a header name");
    }
    if (!all(characters::kFieldValue, value)) {
        return forged("the worker's header " + quoted(name) + " holds control characters");
    }
    if (hop_by_hop(name)) {
        return Error{"the application set the hop-by-hop header " + quoted(name) +
                     ", which is the server's (PEP 3333)"};
    }
    if (equal_ignoring_case(name, "content-length")) {
        FETTLE_TRY(length, parse_length(trim(value)));
        if (facts.content_length) {
            return forged("the worker set Content-Length twice");
        }
        facts.content_length = length;
        wire.resize(start);
    } else if (equal_ignoring_case(name, "date")) {
        facts.has_date = true;
    } else if (equal_ignoring_case(name, "server")) {
        facts.has_server = true;
    }
    return {};
}

Result<void> copy_status_line(const ipc::ResponseReader& record, std::string& wire) {
    if (record.status() < 200 || record.status() > 599) {
        return Error{fmt::format("the application answered with status {}, which is not between 200 and 599",
                                 record.status())};
    }
    fmt::format_to(std::back_inserter(wire), "HTTP/1.1 {} ", record.status());
    const std::size_t start = wire.size();
    wire.append(record.reason());
    const std::string_view reason = std::string_view(wire).substr(start);
    if (!all(characters::kFieldValue, reason)) {
        return forged("the worker's status line " + quoted(reason) + " holds control characters");
    }
    wire.append("\r\n");
    return {};
}

// Copies and judges everything the application said.
Result<Facts> copy_head(ipc::ResponseReader& record, std::string& wire) {
    const std::size_t start = wire.size();
    FETTLE_CHECK_OK(copy_status_line(record, wire));
    Facts facts;
    std::uint16_t seen = 0;
    while (const auto header = record.next_header()) {
        FETTLE_CHECK_OK(copy_header(*header, wire, facts));
        if (wire.size() - start > ipc::kMaxResponseHeadBytes) {
            return Error{fmt::format("the application's headers are larger than {} bytes", ipc::kMaxResponseHeadBytes)};
        }
        ++seen;
    }
    if (seen != record.header_count()) {
        return forged("the worker's response record is damaged");
    }
    return facts;
}

// RFC 9112 6.3
BodyFramer choose_framing(std::uint16_t status, const Facts& facts, const ResponseContext& context) {
    if (context.head_request || status == 204 || status == 304) {
        return BodyFramer{Framing::None};
    }
    if (facts.content_length) {
        return BodyFramer{Framing::Length, *facts.content_length};
    }
    return BodyFramer{context.http_minor == 0 ? Framing::Close : Framing::Chunked};
}

void append_length(std::uint64_t length, std::string& wire) {
    fmt::format_to(std::back_inserter(wire), "Content-Length: {}\r\n", length);
}

}  // namespace

Result<ResponseStart> write_response_head(ipc::ResponseReader record, bool last, const ResponseContext& context,
                                          std::string& wire) {
    const std::size_t start = wire.size();
    auto copied = copy_head(record, wire);
    if (!copied) {
        wire.resize(start);
        return std::move(copied).error();
    }
    Facts& facts = *copied;
    ResponseStart response{.status = record.status(), .keep_alive = context.keep_alive, .body = record.body()};
    const bool bodiless = context.head_request || response.status == 204 || response.status == 304;
    if (last && !facts.content_length && !bodiless) {
        facts.content_length = response.body.size();
    }
    response.framer = choose_framing(response.status, facts, context);

    // With HEAD and 304 it tells the length of the body that GET would have brought; 204 must not have it (RFC
    // 9110 8.6).
    if (facts.content_length && response.status != 204) {
        append_length(*facts.content_length, wire);
    }
    if (response.framer.framing() == Framing::Chunked) {
        wire.append("Transfer-Encoding: chunked\r\n");
    }
    if (response.framer.framing() == Framing::Close) {
        response.keep_alive = false;
    }
    if (!facts.has_date) {
        wire.append("Date: ").append(context.date).append("\r\n");
    }
    if (!facts.has_server && !context.server.empty()) {
        wire.append("Server: ").append(context.server).append("\r\n");
    }
    if (!response.keep_alive) {
        wire.append("Connection: close\r\n");
    } else if (context.http_minor == 0) {
        wire.append("Connection: keep-alive\r\n");
    }
    wire.append("\r\n");
    return response;
}

BodyFramer::BodyFramer(Framing framing, std::uint64_t length) : length_(length), framing_(framing) {}

FramedPiece BodyFramer::frame(std::span<const std::byte> piece, bool last) {
    FETTLE_ASSERT(!ended_, "a body ends once");
    ended_ = last;
    FramedPiece framed;
    switch (framing_) {
        case Framing::None:
            return framed;
        case Framing::Length:
            if (piece.size() > length_ - payload_bytes_) {
                too_long_ = true;
                piece = piece.first(static_cast<std::size_t>(length_ - payload_bytes_));
            }
            break;
        case Framing::Chunked:
            if (!piece.empty()) {  // an empty chunk would end the body
                const auto [end, error] =
                        std::to_chars(framed.prefix_.data(), framed.prefix_.data() + 16, piece.size(), 16);
                FETTLE_ASSERT(error == std::errc{}, "a size has at most 16 hexadecimal digits");
                *end = '\r';
                *(end + 1) = '\n';
                framed.prefix_bytes_ = static_cast<std::uint8_t>(end + 2 - framed.prefix_.data());
            }
            if (last) {
                framed.suffix_ = piece.empty() ? "0\r\n\r\n" : "\r\n0\r\n\r\n";
            } else {
                framed.suffix_ = piece.empty() ? "" : "\r\n";
            }
            break;
        case Framing::Close:
            break;
    }
    framed.payload_ = piece;
    payload_bytes_ += piece.size();
    return framed;
}

bool BodyFramer::complete() const {
    switch (framing_) {
        case Framing::None:
            return true;
        case Framing::Length:
            return payload_bytes_ == length_;
        case Framing::Chunked:
        case Framing::Close:
            return ended_;
    }
    return false;
}

}  // namespace fettle::http

#include "balancer/http/response_writer.h"

#include "balancer/http/characters.h"
#include "base/assert.h"
#include "ipc/field_text.h"
#include "ipc/hop_by_hop.h"

#include <fmt/format.h>

#include <charconv>
#include <cstring>
#include <iterator>
#include <optional>

namespace fettle::http {

namespace {

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

// The end of a string: room for a whole head is made once, and each piece is only copied there.
class Tail {
  public:
    // At most `bytes` are to be written.
    Tail(std::string& text, std::size_t bytes) : text_(text) {
        const std::size_t start = text.size();
        text.resize(start + bytes);
        next_ = text.data() + start;
    }

    Tail(const Tail&) = delete;
    Tail& operator=(const Tail&) = delete;

    // Cuts off what was not written.
    ~Tail() { text_.resize(size()); }

    // The copy.
    std::string_view add(std::string_view piece) {
        FETTLE_ASSERT(piece.size() <= room(), "a head was measured before it is written");
        std::memcpy(next_, piece.data(), piece.size());
        next_ += piece.size();
        return {next_ - piece.size(), piece.size()};
    }

    void add_number(std::uint64_t number) {
        const auto [end, error] = std::to_chars(next_, next_ + room(), number);
        FETTLE_ASSERT(error == std::errc{}, "a head was measured before it is written");
        next_ = end;
    }

    void take_back(std::size_t bytes) { next_ -= bytes; }

    // Of the whole string so far.
    [[nodiscard]] std::size_t size() const { return static_cast<std::size_t>(next_ - text_.data()); }

  private:
    [[nodiscard]] std::size_t room() const { return text_.size() - size(); }

    std::string& text_;
    char* next_;
};

constexpr std::string_view kColon = ": ";
constexpr std::string_view kLineEnd = "\r\n";

// Copies one header (so that the worker can no longer change it), then judges the copy. Content-Length is noted and
// taken out again: whether it is sent depends on the framing.
Result<void> copy_header(const ipc::ResponseReader::Header& header, Tail& wire, Facts& facts) {
    const std::string_view name = wire.add(header.name);
    wire.add(kColon);
    const std::string_view value = wire.add(header.value);
    wire.add(kLineEnd);
    if (name.empty() || !all(characters::kToken, name)) {
        return forged("the worker set a header named " + quoted(name) + ", which is not a header name");
    }
    if (!ipc::is_field_text(value)) {
        return forged("the worker's header " + quoted(name) + " holds control characters");
    }
    if (ipc::is_hop_by_hop(name)) {
        return Error{"the application set the hop-by-hop header " + quoted(name) +
                     ", which is the server's (PEP 3333)"};
    }
    if (equal_ignoring_case(name, "content-length")) {
        FETTLE_TRY(length, parse_length(trim(value)));
        if (facts.content_length) {
            return forged("the worker set Content-Length twice");
        }
        facts.content_length = length;
        wire.take_back(name.size() + kColon.size() + value.size() + kLineEnd.size());
    } else if (equal_ignoring_case(name, "date")) {
        facts.has_date = true;
    } else if (equal_ignoring_case(name, "server")) {
        facts.has_server = true;
    }
    return {};
}

Result<void> copy_status_line(const ipc::ResponseReader& record, Tail& wire) {
    if (record.status() < 200 || record.status() > 599) {
        return Error{fmt::format("the application answered with status {}, which is not between 200 and 599",
                                 record.status())};
    }
    wire.add("HTTP/1.1 ");
    wire.add_number(record.status());
    wire.add(" ");
    const std::string_view reason = wire.add(record.reason());
    if (!ipc::is_field_text(reason)) {
        return forged("the worker's status line " + quoted(reason) + " holds control characters");
    }
    wire.add(kLineEnd);
    return {};
}

// Copies and judges everything the application said.
Result<Facts> copy_head(ipc::ResponseReader& record, Tail& wire) {
    FETTLE_CHECK_OK(copy_status_line(record, wire));
    Facts facts;
    std::uint16_t seen = 0;
    while (const auto header = record.next_header()) {
        FETTLE_CHECK_OK(copy_header(*header, wire, facts));
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

// More than the frame of the status line and what write_own_lines() writes beside date and server.
constexpr std::size_t kOwnLines = 160;

// What the server says itself, and the empty line.
void write_own_lines(const Facts& facts, const ResponseContext& context, const ResponseStart& response, Tail& wire) {
    // With HEAD and 304 it tells the length of the body that GET would have brought; 204 must not have it (RFC
    // 9110 8.6).
    if (facts.content_length && response.status != 204) {
        wire.add("Content-Length: ");
        wire.add_number(*facts.content_length);
        wire.add(kLineEnd);
    }
    if (response.framer.framing() == Framing::Chunked) {
        wire.add("Transfer-Encoding: chunked\r\n");
    }
    if (!facts.has_date) {
        wire.add("Date: ");
        wire.add(context.date);
        wire.add(kLineEnd);
    }
    if (!facts.has_server && !context.server.empty()) {
        wire.add("Server: ");
        wire.add(context.server);
        wire.add(kLineEnd);
    }
    if (!response.keep_alive) {
        wire.add("Connection: close\r\n");
    } else if (context.http_minor == 0) {
        wire.add("Connection: keep-alive\r\n");
    }
    wire.add(kLineEnd);
}

}  // namespace

Result<ResponseStart> write_response_head(ipc::ResponseReader record, bool last, const ResponseContext& context,
                                          std::string& wire) {
    const std::size_t start = wire.size();
    const std::size_t own = kOwnLines + context.date.size() + context.server.size();
    const std::size_t theirs = record.text_bytes() + record.header_count() * (kColon.size() + kLineEnd.size());
    if (theirs > ipc::kMaxResponseHeadBytes) {
        return Error{fmt::format("the application's headers are larger than {} bytes", ipc::kMaxResponseHeadBytes)};
    }
    Tail tail(wire, own + theirs);
    auto copied = copy_head(record, tail);
    if (!copied) {
        tail.take_back(tail.size() - start);
        return std::move(copied).error();
    }
    Facts& facts = *copied;
    ResponseStart response{.status = record.status(), .keep_alive = context.keep_alive, .body = record.body()};
    const bool bodiless = context.head_request || response.status == 204 || response.status == 304;
    if (last && !facts.content_length && !bodiless) {
        facts.content_length = response.body.size();
    }
    response.framer = choose_framing(response.status, facts, context);
    if (response.framer.framing() == Framing::Close) {
        response.keep_alive = false;
    }
    write_own_lines(facts, context, response, tail);
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

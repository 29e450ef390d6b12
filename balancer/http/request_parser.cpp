#include "balancer/http/request_parser.h"

#include "balancer/http/characters.h"
#include "balancer/http/llhttp_adaptor.h"
#include "base/assert.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace fettle::http {

namespace {

// What a chunked body may carry between two bytes of data: chunk heads, zeros in front of a size, extensions, trailers.
constexpr std::size_t kMaxFramingBytes = 16 * 1024;

// A parser that idles after an unusual head keeps no more than this.
constexpr std::size_t kKeptText = 16 * 1024;
constexpr std::size_t kKeptFields = 64;

constexpr Refusal kAccepted{};

// The first byte of a TLS connection (RFC 8446 5.1: ContentType handshake).
constexpr char kTlsHandshake = 0x16;

constexpr std::size_t limit(int configured, int highest) {
    return static_cast<std::size_t>(std::clamp(configured, 1, highest));
}

std::string_view without_line_end(std::string_view line) {
    if (line.ends_with('\n')) {
        line.remove_suffix(1);
    }
    if (line.ends_with('\r')) {
        line.remove_suffix(1);
    }
    return line;
}

template <class Container>
void clear_or_free(Container& container, std::size_t kept) {
    if (container.capacity() > kept) {
        Container{}.swap(container);
    } else {
        container.clear();
    }
}

// RFC 9112 6.1 and 6.3: where chunked is last, the end of the body could be found, but not what it means (501);
// elsewhere nobody knows where the next request begins (400).
Refusal judge_transfer_encoding(std::string_view value) {
    if (equal_ignoring_case(value, "chunked")) {
        return kAccepted;
    }
    bool ends_chunked = false;
    bool malformed = false;
    std::optional<std::string_view> list = value;
    for (std::string_view coding; next_member(list, coding);) {
        malformed = malformed || ends_chunked || coding.empty();
        ends_chunked = equal_ignoring_case(coding, "chunked");
    }
    if (ends_chunked && !malformed) {
        return {501, "The only transfer coding known here is chunked."};
    }
    return {400, "Transfer-Encoding is malformed or does not end with chunked."};
}

Refusal header_refusal(llhttp_errno_t error) {
    switch (error) {
        case HPE_UNEXPECTED_CONTENT_LENGTH:
            return {400, "Content-Length occurs twice."};
        case HPE_INVALID_CONTENT_LENGTH:
            return {400, "Content-Length is not a number, is too large, or stands beside Transfer-Encoding."};
        case HPE_INVALID_TRANSFER_ENCODING:
            return {400, "Transfer-Encoding is malformed or stands beside Content-Length."};
        case HPE_CR_EXPECTED:
        case HPE_LF_EXPECTED:
            return {400, "A header line does not end in CR LF."};
        default:
            return {400, "A header line is malformed."};
    }
}

}  // namespace

std::optional<std::string_view> RequestHead::find(ipc::KnownHeader known) const {
    const auto found = std::find_if(headers.begin(), headers.end(),
                                    [&](const HeaderField& field) { return field.known == known; });
    return found == headers.end() ? std::nullopt : std::optional(found->value);
}

std::optional<std::string_view> RequestHead::find(std::string_view lower_case_name) const {
    const auto found = std::find_if(headers.begin(), headers.end(),
                                    [&](const HeaderField& field) { return field.name == lower_case_name; });
    return found == headers.end() ? std::nullopt : std::optional(found->value);
}

RequestParser::RequestParser(const config::Http& limits)
    : max_request_line_(limit(limits.max_request_line, kHighestMaxRequestLine)),
      max_header_bytes_(limit(limits.max_header_bytes, kHighestMaxHeaderBytes)),
      max_headers_(limit(limits.max_headers, kHighestMaxHeaders)),
      max_body_bytes_(static_cast<std::uint64_t>(std::max<std::int64_t>(limits.max_body_bytes, 0))),
      refuse_underscores_(limits.underscore_headers == config::UnderscoreHeaders::Refuse),
      llhttp_(std::make_unique<Llhttp>(*this)) {}

RequestParser::~RequestParser() = default;

std::size_t RequestParser::memory() const {
    return sizeof(*this) + sizeof(Llhttp) + line_.capacity() + header_text_.capacity() + underscore_header_.capacity() +
           fields_.capacity() * sizeof(Field) + head_.headers.capacity() * sizeof(HeaderField);
}

bool RequestParser::in_message() const {
    switch (phase_) {
        case Phase::RequestLine:
            return !line_.empty() && line_ != "\r";
        case Phase::Headers:
        case Phase::Body:
            return true;
        case Phase::Complete:
        case Phase::Refused:
            return false;
    }
    return false;
}

RequestParser::Step RequestParser::feed(std::span<const std::byte> bytes) {
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    if (phase_ == Phase::Complete && !text.empty()) {
        begin_message();
    }
    switch (phase_) {
        case Phase::RequestLine:
            return feed_request_line(text);
        case Phase::Headers:
            return feed_headers(text);
        case Phase::Body:
            return feed_body(text);
        case Phase::Complete:
            return {};
        case Phase::Refused:
            return {.event = Event::Refused};
    }
    return {};
}

void RequestParser::begin_message() {
    clear_or_free(head_.headers, kKeptFields);
    std::vector<HeaderField> headers = std::move(head_.headers);
    head_ = RequestHead{};
    head_.headers = std::move(headers);
    clear_or_free(line_, kKeptText);
    clear_or_free(header_text_, kKeptText);
    clear_or_free(fields_, kKeptFields);
    authority_ = {};
    skipped_empty_line_ = false;
    header_bytes_ = 0;
    header_count_ = 0;
    underscore_header_.clear();
    has_host_ = false;
    has_content_length_ = false;
    has_transfer_encoding_ = false;
    wants_close_ = false;
    wants_keep_alive_ = false;
    body_bytes_ = 0;
    extension_bytes_ = 0;
    framing_bytes_ = 0;
    phase_ = Phase::RequestLine;
}

RequestParser::Step RequestParser::refuse(Refusal refusal, std::size_t consumed) {
    if (phase_ == Phase::RequestLine) {  // for the access log, which escapes what it writes
        head_.request_line = without_line_end(line_);
    }
    phase_ = Phase::Refused;
    refusal_ = refusal;
    return {.event = Event::Refused, .consumed = consumed};
}

// ---- request line

RequestParser::Step RequestParser::feed_request_line(std::string_view bytes) {
    std::size_t consumed = 0;
    while (consumed < bytes.size()) {
        const std::size_t longest = max_request_line_ + 2;
        std::string_view piece = bytes.substr(consumed, longest - line_.size());
        const auto end = piece.find('\n');
        piece = piece.substr(0, end == std::string_view::npos ? end : end + 1);
        line_.append(piece);
        consumed += piece.size();
        if (line_.front() == kTlsHandshake) {
            return refuse({400, "The client speaks TLS; this port speaks HTTP without TLS."}, consumed);
        }
        if (end == std::string_view::npos) {
            // Not HTTP at all is told at once instead of at the header time-out.
            if (!all(characters::kLine, without_line_end(line_))) {
                return refuse({400, "The request line holds characters that HTTP does not allow."}, consumed);
            }
            if (line_.size() == longest) {
                return refuse({414, "The request line is too long."}, consumed);
            }
            continue;
        }
        if (line_ == "\r\n" && !skipped_empty_line_) {  // RFC 9112 2.2
            skipped_empty_line_ = true;
            line_.clear();
            continue;
        }
        if (const Refusal refusal = accept_request_line(); refusal.status != 0) {
            return refuse(refusal, consumed);
        }
        phase_ = Phase::Headers;
        llhttp_->begin_headers();
        fields_.emplace_back();
        Step step = feed_headers(bytes.substr(consumed));
        step.consumed += consumed;
        return step;
    }
    return {.consumed = consumed};
}

Refusal RequestParser::accept_request_line() {
    if (!line_.ends_with("\r\n")) {
        return {400, "The request line does not end in CR LF."};
    }
    head_.request_line = without_line_end(line_);
    const auto parsed = parse_request_line(head_.request_line);
    if (const auto* refusal = std::get_if<Refusal>(&parsed)) {
        return *refusal;
    }
    const auto& line = std::get<RequestLine>(parsed);
    head_.method = line.method;
    head_.target = line.target;
    head_.path = line.path;
    head_.query = line.query;
    head_.http_minor = line.http_minor;
    head_.is_head = line.method == "HEAD";
    authority_ = line.authority;
    return kAccepted;
}

// ---- headers

RequestParser::Step RequestParser::feed_headers(std::string_view bytes) {
    const std::size_t longest = max_header_bytes_ + 2;  // with the empty line
    const std::string_view piece = bytes.substr(0, longest - header_bytes_);
    if (piece.empty()) {
        return {};
    }
    const Llhttp::Executed executed = llhttp_->execute(piece);
    header_bytes_ += executed.consumed;
    if (executed.error == HPE_OK) {
        if (header_bytes_ == longest) {
            return refuse({431, "The request headers are too large."}, executed.consumed);
        }
        return {.consumed = executed.consumed};
    }
    if (executed.error != HPE_PAUSED) {
        const Refusal ours = llhttp_->refusal();
        return refuse(ours.status != 0 ? ours : header_refusal(executed.error), executed.consumed);
    }
    if (const Refusal refusal = accept_head(); refusal.status != 0) {
        return refuse(refusal, executed.consumed);
    }
    phase_ = Phase::Body;
    return {.event = Event::HeadComplete, .consumed = executed.consumed};
}

std::string_view RequestParser::field_name(const Field& field) const {
    return std::string_view(header_text_).substr(field.name, field.name_bytes);
}

std::string_view RequestParser::field_value(const Field& field) const {
    return std::string_view(header_text_).substr(field.value, field.value_bytes);
}

// Judges the header line that is complete now, and prepares the next.
Refusal RequestParser::accept_field() {
    if (++header_count_ > max_headers_) {
        return {431, "The request has too many headers."};
    }
    Field& field = fields_.back();
    field.value_bytes =
            static_cast<std::uint32_t>(trim(field_value(field)).size());  // llhttp left the blanks at the end
    const std::string_view name = field_name(field);
    field.known = ipc::find_known_header(name);
    if (const Refusal refusal = judge_field(field.known, field_value(field)); refusal.status != 0) {
        return refusal;
    }
    const bool underscore = field.known == ipc::KnownHeader::Other && name.find('_') != std::string_view::npos;
    if (underscore && refuse_underscores_) {
        return {400, "A header name contains an underscore."};
    }
    if (underscore && underscore_header_.empty()) {
        underscore_header_ = name;
    }
    if (underscore || field.known == ipc::KnownHeader::TransferEncoding) {
        header_text_.resize(field.name);
        fields_.pop_back();
    }
    fields_.push_back({.name = offset_behind(header_text_)});
    return kAccepted;
}

// Notes and judges the headers that concern the server.
Refusal RequestParser::judge_field(ipc::KnownHeader known, std::string_view value) {
    if (known == ipc::KnownHeader::Host) {
        if (std::exchange(has_host_, true)) {
            return {400, "Host occurs twice."};
        }
        if (!valid_host(value)) {
            return {400, "Host is malformed."};
        }
    } else if (known == ipc::KnownHeader::ContentLength) {
        has_content_length_ = true;
        const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), head_.content_length);
        if (error != std::errc{} || end != value.data() + value.size()) {
            return header_refusal(HPE_INVALID_CONTENT_LENGTH);
        }
    } else if (known == ipc::KnownHeader::TransferEncoding) {
        if (std::exchange(has_transfer_encoding_, true)) {
            return {400, "Transfer-Encoding occurs twice."};
        }
        if (head_.http_minor == 0) {
            return {400, "HTTP/1.0 has no Transfer-Encoding."};
        }
        return judge_transfer_encoding(value);
    } else if (known == ipc::KnownHeader::Expect) {
        return judge_expect(value);
    } else if (known == ipc::KnownHeader::Connection) {
        note_connection(value);
    }
    return kAccepted;
}

Refusal RequestParser::judge_expect(std::string_view value) {
    std::optional<std::string_view> list = value;
    for (std::string_view member; next_member(list, member);) {
        if (equal_ignoring_case(member, "100-continue")) {
            head_.expects_continue = head_.http_minor == 1;  // RFC 9110 10.1.1
        } else if (!member.empty()) {
            return {417, "The only expectation known here is 100-continue."};
        }
    }
    return kAccepted;
}

// llhttp would do it, but overlooks "close" before a tab and takes Proxy-Connection for Connection.
void RequestParser::note_connection(std::string_view value) {
    std::optional<std::string_view> list = value;
    for (std::string_view member; next_member(list, member);) {
        wants_close_ = wants_close_ || equal_ignoring_case(member, "close");
        wants_keep_alive_ = wants_keep_alive_ || equal_ignoring_case(member, "keep-alive");
    }
}

Refusal RequestParser::accept_head() {
    fields_.pop_back();  // the one prepared for a further header line
    if (!has_host_ && head_.http_minor == 1) {
        return {400, "Host is missing."};
    }
    FETTLE_ASSERT(!(has_content_length_ && has_transfer_encoding_), "llhttp refuses both together");
    if (has_transfer_encoding_) {
        if (!llhttp_->chunked()) {  // it is stricter about blanks behind the word, and it will decode the body
            return header_refusal(HPE_INVALID_TRANSFER_ENCODING);
        }
        head_.body = BodyKind::Chunked;
    } else if (head_.content_length > 0) {
        head_.body = BodyKind::Length;
        if (max_body_bytes_ != 0 && head_.content_length > max_body_bytes_) {
            return {413, "The request body is too large."};
        }
    }
    head_.expects_continue = head_.expects_continue && head_.body != BodyKind::None;
    head_.keep_alive = !wants_close_ && (head_.http_minor == 1 || wants_keep_alive_);  // RFC 9112 9.3
    publish_headers();
    return kAccepted;
}

void RequestParser::publish_headers() {
    head_.underscore_header = underscore_header_;
    for (const Field& field : fields_) {
        const bool replaced = field.known == ipc::KnownHeader::Host && !authority_.empty();
        head_.headers.push_back(
                {.name = field_name(field), .value = replaced ? authority_ : field_value(field), .known = field.known});
    }
    if (!has_host_ && !authority_.empty()) {
        head_.headers.push_back({.name = "host", .value = authority_, .known = ipc::KnownHeader::Host});
    }
}

// ---- body

RequestParser::Step RequestParser::feed_body(std::string_view bytes) {
    if (head_.body == BodyKind::Chunked) {
        return feed_chunked(bytes);
    }
    if (body_bytes_ == head_.content_length) {
        phase_ = Phase::Complete;
        return {.event = Event::MessageComplete};
    }
    if (bytes.empty()) {
        return {};
    }
    const auto piece = bytes.substr(
            0, static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), head_.content_length - body_bytes_)));
    body_bytes_ += piece.size();
    return {.event = Event::BodyPiece, .consumed = piece.size(), .body = std::as_bytes(std::span(piece))};
}

RequestParser::Step RequestParser::feed_chunked(std::string_view bytes) {
    std::size_t consumed = 0;
    while (consumed < bytes.size()) {
        const std::string_view rest = bytes.substr(consumed);
        const Llhttp::Executed executed = llhttp_->execute(rest);
        consumed += executed.consumed;
        if (executed.error != HPE_OK && executed.error != HPE_PAUSED) {
            const Refusal ours = llhttp_->refusal();
            return refuse(ours.status != 0 ? ours : Refusal{400, "The chunked request body is malformed."}, consumed);
        }
        const std::string_view body = llhttp_->body();
        if (body.empty()) {
            framing_bytes_ += executed.consumed;
        } else {
            framing_bytes_ += static_cast<std::size_t>(body.data() - rest.data());
        }
        if (framing_bytes_ > kMaxFramingBytes) {
            return refuse({400, "The chunked request body carries too much beside its data."}, consumed);
        }
        if (llhttp_->message_complete()) {
            phase_ = Phase::Complete;
            return {.event = Event::MessageComplete, .consumed = consumed};
        }
        if (!body.empty()) {
            framing_bytes_ = static_cast<std::size_t>(rest.data() + executed.consumed - (body.data() + body.size()));
            body_bytes_ += body.size();
            return {.event = Event::BodyPiece, .consumed = consumed, .body = std::as_bytes(std::span(body))};
        }
    }
    return {.consumed = consumed};
}

}  // namespace fettle::http

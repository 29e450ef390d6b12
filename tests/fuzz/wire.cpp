#include "tests/fuzz/wire.h"

#include "base/assert.h"

#include <algorithm>
#include <cstring>
#include <memory>

namespace fettle::fuzz {

namespace {

constexpr std::uint8_t kSmallLimits = 0x80;

// Text of a view that must still be what it was when the head was published.
Message describe(const http::RequestHead& head) {
    Message message;
    message.method = head.method;
    message.target = head.target;
    message.path = head.path;
    message.query = head.query;
    message.http_minor = head.http_minor;
    message.keep_alive = head.keep_alive;
    message.expects_continue = head.expects_continue;
    message.is_head = head.is_head;
    message.body_kind = head.body;
    message.content_length = head.content_length;
    for (const http::HeaderField& field : head.headers) {
        FETTLE_ASSERT(field.known == ipc::find_known_header(field.name), "a header's number does not fit its name");
        message.headers.emplace_back(field.name, field.value);
    }
    return message;
}

// Feeds one parser and writes down what it says.
class Recorder {
  public:
    explicit Recorder(const config::Http& limits) : parser_(limits) {}

    // False once the parser has refused.
    bool feed(std::string_view text) {
        const auto block = std::make_unique<std::byte[]>(text.size());
        if (!text.empty()) {
            std::memcpy(block.get(), text.data(), text.size());
        }
        std::span<const std::byte> rest(block.get(), text.size());
        for (;;) {
            const http::RequestParser::Step step = parser_.feed(rest);
            FETTLE_ASSERT(step.consumed <= rest.size(), "the parser consumed more than it was given");
            rest = rest.subspan(step.consumed);
            offset_ += step.consumed;
            switch (step.event) {
                case http::RequestParser::Event::NeedMore:
                    FETTLE_ASSERT(rest.empty(), "the parser needs more and has left bytes");
                    return true;
                case http::RequestParser::Event::HeadComplete:
                    begin();
                    break;
                case http::RequestParser::Event::BodyPiece:
                    append(step.body, block.get(), text.size());
                    break;
                case http::RequestParser::Event::MessageComplete:
                    end();
                    if (rest.empty()) {
                        return true;
                    }
                    break;
                case http::RequestParser::Event::Refused:
                    refuse(rest);
                    return false;
            }
        }
    }

    [[nodiscard]] Transcript finish() {
        transcript_.in_message = parser_.in_message();
        return std::move(transcript_);
    }

  private:
    void begin() {
        FETTLE_ASSERT(!in_body_, "a head inside a message");
        Message message = describe(parser_.head());
        message.start = message_start_;
        message.head_end = offset_;
        transcript_.messages.push_back(std::move(message));
        in_body_ = true;
    }

    void append(std::span<const std::byte> piece, const std::byte* block, std::size_t block_bytes) {
        FETTLE_ASSERT(in_body_ && !piece.empty(), "an empty body piece, or one outside of a message");
        FETTLE_ASSERT(piece.data() >= block && piece.data() + piece.size() <= block + block_bytes,
                      "a body piece lies outside of the bytes that were fed");
        transcript_.messages.back().body.append(reinterpret_cast<const char*>(piece.data()), piece.size());
    }

    void end() {
        FETTLE_ASSERT(in_body_, "a message ended that had not begun");
        Message& message = transcript_.messages.back();
        Message still = describe(parser_.head());
        still.start = message.start;
        still.head_end = message.head_end;
        still.body = message.body;
        FETTLE_ASSERT(still == message, "the head changed before the message was complete");
        FETTLE_ASSERT(parser_.body_bytes() == message.body.size(), "the parser miscounts the body");
        message.end = message_start_ = offset_;
        in_body_ = false;
    }

    void refuse(std::span<const std::byte> rest) {
        const http::Refusal& refusal = parser_.refusal();
        FETTLE_ASSERT(refusal.status >= 400 && refusal.status <= 599 && !refusal.reason.empty(),
                      "a refusal has a status and a reason");
        const http::RequestParser::Step again = parser_.feed(rest);
        FETTLE_ASSERT(again.event == http::RequestParser::Event::Refused && again.consumed == 0,
                      "a refusal is for good");
        transcript_.refused = true;
        if (in_body_) {  // how much of a body came before its fault was seen is a matter of cuts
            transcript_.messages.back().body.clear();
        }
    }

    http::RequestParser parser_;
    Transcript transcript_;
    std::size_t offset_ = 0;
    std::size_t message_start_ = 0;
    bool in_body_ = false;
};

config::Http small_limits() {
    config::Http limits;
    limits.max_request_line = 64;
    limits.max_headers = 6;
    limits.max_header_bytes = 256;
    limits.max_body_bytes = 512;
    return limits;
}

}  // namespace

Transcript parse(std::string_view wire, const config::Http& limits, std::span<const std::uint8_t> cuts) {
    Recorder recorder(limits);
    std::size_t next = 0;
    bool more = true;
    while (more && !wire.empty()) {
        const std::size_t wanted = cuts.empty() ? wire.size() : cuts[next++ % cuts.size()];
        const std::size_t size = std::min(wire.size(), wanted == 0 ? 256 : wanted);
        more = recorder.feed(wire.substr(0, size));
        wire.remove_prefix(size);
    }
    return recorder.finish();
}

Input::Input(std::span<const std::uint8_t> bytes) {
    if (bytes.empty()) {
        return;
    }
    const std::uint8_t choice = bytes.back();
    bytes = bytes.first(bytes.size() - 1);
    const std::size_t count = std::min<std::size_t>(choice & 0xfU, bytes.size());
    cuts = bytes.last(count);
    bytes = bytes.first(bytes.size() - count);
    wire = {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
    if ((choice & kSmallLimits) != 0) {
        limits = small_limits();
    }
}

Transcript parse_in_all_cuts(const Input& input) {
    constexpr std::uint8_t kByteByByte[] = {1};
    Transcript whole = parse(input.wire, input.limits, {});
    FETTLE_ASSERT(parse(input.wire, input.limits, kByteByByte) == whole, "byte by byte gives something else");
    if (!input.cuts.empty()) {
        FETTLE_ASSERT(parse(input.wire, input.limits, input.cuts) == whole, "other cuts give something else");
    }
    return whole;
}

}  // namespace fettle::fuzz

// RequestParser's use of llhttp; included by request_parser.cpp only.
#pragma once

#include "balancer/http/characters.h"
#include "balancer/http/request_parser.h"
#include "base/assert.h"

#include <llhttp.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace fettle::http {

// Chunk extensions of a whole body. llhttp reads on for ever (CVE-2024-22019 was that).
inline constexpr std::size_t kMaxExtensionBytes = 16 * 1024;

inline std::uint32_t offset_behind(const std::string& text) {
    return static_cast<std::uint32_t>(text.size());
}

// Owns the llhttp_t and feeds its callbacks to the parser.
class RequestParser::Llhttp {
  public:
    explicit Llhttp(RequestParser& owner) : owner_(owner) { begin_headers(); }

    struct Executed {
        llhttp_errno_t error = HPE_OK;  // HPE_OK: all bytes are consumed. HPE_PAUSED: at an event
        std::size_t consumed = 0;
    };

    Executed execute(std::string_view bytes) {
        if (llhttp_get_errno(&parser_) == HPE_PAUSED) {
            llhttp_resume(&parser_);
        }
        body_ = {};
        refusal_ = {};
        const char* begin = bytes.empty() ? "" : bytes.data();
        const llhttp_errno_t error = llhttp_execute(&parser_, begin, bytes.size());
        if (error == HPE_PAUSED) {
            return {error, static_cast<std::size_t>(llhttp_get_error_pos(&parser_) - begin)};
        }
        return {error, bytes.size()};
    }

    // A new message, behind its request line: that has been parsed by ourselves, and nothing in it concerns llhttp,
    // since framing follows from the headers.
    void begin_headers() {
        parser_ = behind_request_line();
        parser_.data = this;
        message_complete_ = false;
        extension_text_ = false;
    }

    // Of the head that is complete.
    [[nodiscard]] bool chunked() const { return (parser_.flags & F_CHUNKED) != 0; }

    [[nodiscard]] bool message_complete() const { return message_complete_; }

    // Of the last execute(): the body bytes, and our own reason for stopping it, if it was us.
    [[nodiscard]] std::string_view body() const { return body_; }

    [[nodiscard]] Refusal refusal() const { return refusal_; }

  private:
    // The state of a parser that has read a request line. It is a plain struct, without pointers into itself.
    static const llhttp_t& behind_request_line() {
        static const llhttp_t shared = [] {
            constexpr std::string_view kLine = "POST / HTTP/1.1\r\n";
            llhttp_t made;
            llhttp_init(&made, HTTP_REQUEST, &settings());
            const llhttp_errno_t error = llhttp_execute(&made, kLine.data(), kLine.size());
            FETTLE_ASSERT(error == HPE_OK, "llhttp refuses a line of ours");
            return made;
        }();
        return shared;
    }

    static Llhttp& of(llhttp_t* parser) { return *static_cast<Llhttp*>(parser->data); }

    // Trailers arrive by the header callbacks, too; they are discarded.
    static bool in_head(llhttp_t* parser) { return of(parser).owner_.phase_ == Phase::Headers; }

    static int on_header_field(llhttp_t* parser, const char* at, std::size_t bytes) {
        if (in_head(parser)) {
            RequestParser& owner = of(parser).owner_;
            owner.header_text_.append(at, bytes);
            std::transform(owner.header_text_.end() - static_cast<std::ptrdiff_t>(bytes), owner.header_text_.end(),
                           owner.header_text_.end() - static_cast<std::ptrdiff_t>(bytes), to_lower);
            owner.fields_.back().name_bytes += static_cast<std::uint32_t>(bytes);
        }
        return 0;
    }

    static int on_header_field_complete(llhttp_t* parser) {
        if (in_head(parser)) {
            RequestParser& owner = of(parser).owner_;
            owner.fields_.back().value = offset_behind(owner.header_text_);
        }
        return 0;
    }

    static int on_header_value(llhttp_t* parser, const char* at, std::size_t bytes) {
        if (in_head(parser)) {
            RequestParser& owner = of(parser).owner_;
            owner.header_text_.append(at, bytes);
            owner.fields_.back().value_bytes += static_cast<std::uint32_t>(bytes);
        }
        return 0;
    }

    static int on_header_value_complete(llhttp_t* parser) {
        if (in_head(parser)) {
            of(parser).refusal_ = of(parser).owner_.accept_field();
        }
        return of(parser).refusal_.status == 0 ? 0 : -1;
    }

    static int on_headers_complete(llhttp_t*) { return HPE_PAUSED; }

    static int on_chunk_header(llhttp_t* parser) {
        Llhttp& self = of(parser);
        self.last_chunk_ = parser->content_length == 0;
        const std::uint64_t most = self.owner_.max_body_bytes_;
        if (most != 0 && parser->content_length > most - self.owner_.body_bytes_) {
            self.refusal_ = {413, "The request body is too large."};
            return -1;
        }
        return 0;
    }

    int refuse_extension(std::string_view reason) {
        refusal_ = {400, reason};
        return -1;
    }

    // A piece of an extension's name or value.
    int count_extension(std::size_t bytes) {
        owner_.extension_bytes_ += bytes;
        return owner_.extension_bytes_ > kMaxExtensionBytes ? refuse_extension("The chunk extensions are too large.")
                                                            : 0;
    }

    static int on_chunk_extension_name(llhttp_t* parser, const char*, std::size_t bytes) {
        of(parser).extension_text_ = of(parser).extension_text_ || bytes > 0;
        return of(parser).count_extension(bytes);
    }

    static int on_chunk_extension_name_complete(llhttp_t* parser) {
        const bool named = std::exchange(of(parser).extension_text_, false);
        return named ? 0 : of(parser).refuse_extension("A chunk extension has no name.");
    }

    static int on_chunk_extension_value(llhttp_t* parser, const char* at, std::size_t bytes) {
        Llhttp& self = of(parser);
        const std::string_view piece(at, bytes);
        if (!self.extension_text_ && !piece.empty()) {
            self.extension_text_ = true;
            self.extension_quoted_ = piece.front() == '"';
        }
        if (!self.extension_quoted_ && piece.find('"') != std::string_view::npos) {
            return self.refuse_extension("A chunk extension's value has a quote in its middle.");
        }
        return self.count_extension(bytes);
    }

    static int on_chunk_extension_value_complete(llhttp_t* parser) {
        const bool valued = std::exchange(of(parser).extension_text_, false);
        return valued ? 0 : of(parser).refuse_extension("A chunk extension has no value behind its '='.");
    }

    static int on_body(llhttp_t* parser, const char* at, std::size_t bytes) {
        of(parser).body_ = {at, bytes};
        return 0;
    }

    // Pausing after each chunk means at most one body span per execute(). Behind the last chunk on_message_complete
    // does it.
    static int on_chunk_complete(llhttp_t* parser) { return of(parser).last_chunk_ ? 0 : HPE_PAUSED; }

    static int on_message_complete(llhttp_t* parser) {
        of(parser).message_complete_ = true;
        return HPE_PAUSED;
    }

    static const llhttp_settings_t& settings() {
        static const llhttp_settings_t shared = [] {
            llhttp_settings_t made;
            llhttp_settings_init(&made);
            made.on_header_field = on_header_field;
            made.on_header_field_complete = on_header_field_complete;
            made.on_header_value = on_header_value;
            made.on_header_value_complete = on_header_value_complete;
            made.on_headers_complete = on_headers_complete;
            made.on_chunk_header = on_chunk_header;
            made.on_chunk_extension_name = on_chunk_extension_name;
            made.on_chunk_extension_name_complete = on_chunk_extension_name_complete;
            made.on_chunk_extension_value = on_chunk_extension_value;
            made.on_chunk_extension_value_complete = on_chunk_extension_value_complete;
            made.on_body = on_body;
            made.on_chunk_complete = on_chunk_complete;
            made.on_message_complete = on_message_complete;
            return made;
        }();
        return shared;
    }

    RequestParser& owner_;
    llhttp_t parser_;
    std::string_view body_;
    Refusal refusal_;
    bool extension_text_ = false;    // of the name or value that is being read, something came
    bool extension_quoted_ = false;  // the value began with a quote
    bool last_chunk_ = false;
    bool message_complete_ = false;
};

}  // namespace fettle::http

// RequestParser's use of llhttp; included by request_parser.cpp only.
#pragma once

#include "balancer/http/characters.h"
#include "balancer/http/request_parser.h"

#include <llhttp.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace fettle::http {

// Chunk extensions of a whole body. llhttp reads on for ever (CVE-2024-22019 was that).
inline constexpr std::size_t kMaxExtensionBytes = 16 * 1024;

inline std::uint32_t offset_behind(const std::string& text) {
    return static_cast<std::uint32_t>(text.size());
}

// Owns the llhttp_t and feeds its callbacks to the parser.
class RequestParser::Llhttp {
  public:
    explicit Llhttp(RequestParser& owner) : owner_(owner) {
        llhttp_init(&parser_, HTTP_REQUEST, &settings());
        parser_.data = this;
    }

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

    void reset() {
        llhttp_reset(&parser_);
        message_complete_ = false;
    }

    [[nodiscard]] bool keep_alive() const { return llhttp_should_keep_alive(&parser_) != 0; }

    [[nodiscard]] bool message_complete() const { return message_complete_; }

    // Of the last execute(): the body bytes, and our own reason for stopping it, if it was us.
    [[nodiscard]] std::string_view body() const { return body_; }

    [[nodiscard]] Refusal refusal() const { return refusal_; }

  private:
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

    static int on_chunk_extension(llhttp_t* parser, const char*, std::size_t bytes) {
        Llhttp& self = of(parser);
        self.owner_.extension_bytes_ += bytes;
        if (self.owner_.extension_bytes_ > kMaxExtensionBytes) {
            self.refusal_ = {400, "The chunk extensions are too large."};
            return -1;
        }
        return 0;
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
            made.on_chunk_extension_name = on_chunk_extension;
            made.on_chunk_extension_value = on_chunk_extension;
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
    bool last_chunk_ = false;
    bool message_complete_ = false;
};

}  // namespace fettle::http

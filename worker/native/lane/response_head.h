// The status line and headers that the application gave to start_response(), checked and kept as bytes until the first
// piece of the body takes them along. Latin-1, as PEP 3333 has it.
#pragma once

#include "ipc/response_record.h"

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

namespace fettle::worker {

class ResponseHead {
  public:
    // What is wrong with a status line or a header; the words for it are Python's to say.
    enum class Fault {
        None,
        StatusForm,  // not "NNN reason"
        StatusCode,  // not 200 to 599: not a final response (RFC 9110 §15)
        ReasonCharacter,
        NameForm,        // not a token of RFC 9110 §5.6.2
        ValueCharacter,  // a control character: RFC 9110 §5.5
        HopByHop,        // of the connection, which is the server's
        LengthForm,      // Content-Length is not a number
        LengthTwice,
        TooLarge,
    };

    ResponseHead();

    // Forgets everything.
    void clear();

    [[nodiscard]] bool is_set() const { return status_ != 0; }

    [[nodiscard]] Fault set_status(std::string_view line);  // "404 Not Found"
    // Surrounding white space of the value is cut off.
    [[nodiscard]] Fault add(std::string_view name, std::string_view value);
    // Declares a length that the application left out. False if there is no room for it.
    [[nodiscard]] bool add_content_length(std::uint64_t length);

    [[nodiscard]] std::uint16_t status() const { return status_; }

    [[nodiscard]] std::optional<std::uint64_t> content_length() const { return content_length_; }

    // RFC 9110 §6.4.1, apart from HEAD.
    [[nodiscard]] bool allows_body() const { return status_ != 204 && status_ != 304; }

    // Size of the record without a body, and the record itself at the start of `space`; `body_bytes` follow it there.
    [[nodiscard]] std::uint32_t record_bytes() const;
    void write(std::span<std::byte> space, std::uint32_t body_bytes) const;

  private:
    [[nodiscard]] bool fits(std::size_t text, std::size_t headers) const;
    void append(std::string_view text);

    std::uint16_t status_ = 0;
    std::uint16_t header_count_ = 0;
    std::uint32_t reason_bytes_ = 0;
    std::uint32_t text_bytes_ = 0;  // reason, then name and value of each header
    std::optional<std::uint64_t> content_length_;
    std::array<ipc::HeaderSize, ipc::kMaxResponseHeaders> sizes_;
    std::unique_ptr<char[]> text_;  // kMaxResponseHeadBytes, so that nothing is allocated per response
};

}  // namespace fettle::worker

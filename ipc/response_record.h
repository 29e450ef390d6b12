// The record behind a ResponseKind::Head descriptor: status, reason, headers, and the first piece of the body.
// Everything in it is hostile to the balancer: ResponseReader copies the fixed part once, checks every length against
// the payload and hands out views that lie inside it; the characters are for balancer/http to judge.
//
// Layout: ResponseRecord, HeaderSize[header_count], reason, then name and value of each header back to back, then the
// body.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace fettle::ipc {

inline constexpr std::uint32_t kMaxResponseHeaders = 512;
inline constexpr std::uint32_t kMaxResponseHeadBytes = 128 * 1024;

struct ResponseRecord {
    std::uint16_t status = 0;        // 100..999
    std::uint16_t header_count = 0;  // <= kMaxResponseHeaders
    std::uint32_t reason_bytes = 0;
    std::uint32_t headers_bytes = 0;  // names and values
    std::uint32_t body_bytes = 0;
};

struct HeaderSize {
    std::uint32_t name = 0;
    std::uint32_t value = 0;
};

static_assert(sizeof(ResponseRecord) == 16 && sizeof(HeaderSize) == 8);

class ResponseReader {
  public:
    struct Header {
        std::string_view name;
        std::string_view value;
    };

    // nullopt: the record breaks the layout (a protocol violation of the worker). `payload` must outlive the reader; it
    // stays writable by the worker, so text() bytes may change between two looks: copy first, then judge the copy.
    [[nodiscard]] static std::optional<ResponseReader> parse(std::span<const std::byte> payload);

    [[nodiscard]] std::uint16_t status() const { return record_.status; }

    [[nodiscard]] std::string_view reason() const;

    [[nodiscard]] std::uint16_t header_count() const { return record_.header_count; }

    // Of the reason and all headers: no more comes out of reason() and next_header().
    [[nodiscard]] std::size_t text_bytes() const { return std::size_t{record_.reason_bytes} + record_.headers_bytes; }

    // The next header, in order; nullopt at the end or if its sizes leave the record.
    [[nodiscard]] std::optional<Header> next_header();
    [[nodiscard]] std::span<const std::byte> body() const;

  private:
    ResponseRecord record_;
    std::span<const std::byte> payload_;
    std::size_t next_size_ = 0;  // index of the next HeaderSize
    std::size_t next_text_ = 0;  // offset of the next header's name
};

// Bytes of a record with these parts, so that a writer can reserve it at once.
[[nodiscard]] constexpr std::size_t response_record_bytes(std::size_t header_count, std::size_t reason_bytes,
                                                          std::size_t headers_bytes, std::size_t body_bytes) {
    return sizeof(ResponseRecord) + header_count * sizeof(HeaderSize) + reason_bytes + headers_bytes + body_bytes;
}

}  // namespace fettle::ipc

#include "balancer/http/request_encoder.h"

#include "balancer/http/characters.h"
#include "base/assert.h"

#include <cstring>

namespace fettle::http {

namespace {

std::size_t fixed_bytes(const RequestHead& head) {
    return sizeof(ipc::RequestRecord) + head.headers.size() * sizeof(ipc::HeaderEntry);
}

// Appends texts behind the fixed part.
class Texts {
  public:
    Texts(std::span<std::byte> record, std::size_t start) : record_(record), end_(start) {}

    ipc::Span add(std::string_view text) {
        const ipc::Span span{static_cast<std::uint32_t>(end_), static_cast<std::uint32_t>(text.size())};
        if (!text.empty()) {
            std::memcpy(record_.subspan(end_, text.size()).data(), text.data(), text.size());
        }
        end_ += text.size();
        return span;
    }

    [[nodiscard]] std::size_t end() const { return end_; }

  private:
    std::span<std::byte> record_;
    std::size_t end_;
};

}  // namespace

std::uint32_t encoded_bytes(const RequestHead& head, const RequestContext& context, std::uint32_t inline_body) {
    std::size_t bytes = fixed_bytes(head) + head.method.size() + head.path.size() + head.query.size() +
                        context.client_address.size() + context.server_name.size() + context.request_id.size() +
                        inline_body;
    for (const HeaderField& field : head.headers) {
        bytes += field.name.size() + field.value.size();
    }
    return static_cast<std::uint32_t>(bytes);  // the parser's ceilings keep a head far below 4 GB
}

EncodedRequest encode(std::span<std::byte> out, const RequestHead& head, const RequestContext& context,
                      std::uint64_t body_length, std::uint32_t inline_body) {
    const std::uint32_t bytes = encoded_bytes(head, context, inline_body);
    FETTLE_ASSERT(bytes <= out.size(), "the record was measured before");
    const std::span<std::byte> space = out.first(bytes);

    Texts texts(space, fixed_bytes(head));
    ipc::RequestRecord record;
    record.total_bytes = bytes;
    record.header_count = static_cast<std::uint16_t>(head.headers.size());
    record.http_minor = head.http_minor;
    record.https = context.https ? 1 : 0;
    record.body_length = body_length;
    record.method = texts.add(head.method);
    record.path = texts.add(head.path);
    record.query = texts.add(head.query);
    record.client_address = texts.add(context.client_address);
    record.server_name = texts.add(context.server_name);
    record.request_id = texts.add(context.request_id);
    record.client_port = context.client_port;
    record.server_port = context.server_port;
    record.expects_continue = head.expects_continue ? 1 : 0;

    std::size_t entry_at = sizeof record;
    for (const HeaderField& field : head.headers) {
        ipc::HeaderEntry entry;
        entry.name = texts.add(field.name);
        entry.value = texts.add(field.value);
        entry.known = static_cast<std::uint16_t>(field.known);
        std::memcpy(space.subspan(entry_at, sizeof entry).data(), &entry, sizeof entry);
        entry_at += sizeof entry;
    }
    record.body = {static_cast<std::uint32_t>(texts.end()), inline_body};
    std::memcpy(space.data(), &record, sizeof record);
    return {.bytes = bytes, .body = space.subspan(texts.end(), inline_body)};
}

bool valid_request_id(std::string_view id) {
    return !id.empty() && id.size() <= kMaxRequestId && all(characters::kRequestId, id);
}

}  // namespace fettle::http

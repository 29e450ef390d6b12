#include "ipc/response_record.h"

#include "ipc/copy_once.h"

namespace fettle::ipc {

namespace {

std::string_view as_text(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

std::optional<ResponseReader> ResponseReader::parse(std::span<const std::byte> payload) {
    ResponseReader reader;
    if (payload.size() < sizeof(ResponseRecord)) {
        return std::nullopt;
    }
    reader.record_ = copy_once<ResponseRecord>(payload.data());
    const ResponseRecord& record = reader.record_;
    if (record.header_count > kMaxResponseHeaders || record.reason_bytes > kMaxResponseHeadBytes ||
        record.headers_bytes > kMaxResponseHeadBytes) {
        return std::nullopt;
    }
    const std::size_t head = response_record_bytes(record.header_count, record.reason_bytes, record.headers_bytes, 0);
    if (head > payload.size() || record.body_bytes != payload.size() - head) {
        return std::nullopt;
    }
    reader.payload_ = payload;
    reader.next_text_ = sizeof(ResponseRecord) + record.header_count * sizeof(HeaderSize) + record.reason_bytes;
    return reader;
}

std::string_view ResponseReader::reason() const {
    return as_text(
            payload_.subspan(sizeof(ResponseRecord) + record_.header_count * sizeof(HeaderSize), record_.reason_bytes));
}

std::optional<ResponseReader::Header> ResponseReader::next_header() {
    if (next_size_ >= record_.header_count) {
        return std::nullopt;
    }
    const auto size = copy_once<HeaderSize>(payload_.data() + sizeof(ResponseRecord) + next_size_ * sizeof(HeaderSize));
    const std::size_t end = payload_.size() - record_.body_bytes;  // of the headers' text
    if (size.name > end - next_text_ || size.value > end - next_text_ - size.name) {
        next_size_ = record_.header_count;
        return std::nullopt;
    }
    const Header header{as_text(payload_.subspan(next_text_, size.name)),
                        as_text(payload_.subspan(next_text_ + size.name, size.value))};
    next_text_ += size.name + size.value;
    ++next_size_;
    return header;
}

std::span<const std::byte> ResponseReader::body() const {
    return payload_.last(record_.body_bytes);
}

}  // namespace fettle::ipc

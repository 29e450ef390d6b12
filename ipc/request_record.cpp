#include "ipc/request_record.h"

#include <array>

namespace fettle::ipc {

namespace {

constexpr std::size_t kKnownCount = static_cast<std::size_t>(KnownHeader::Count);

// In the order of the enum.
constexpr std::array<std::string_view, kKnownCount> kNames = {
        "",
        "accept",
        "accept-charset",
        "accept-encoding",
        "accept-language",
        "authorization",
        "cache-control",
        "connection",
        "content-length",
        "content-type",
        "cookie",
        "dnt",
        "expect",
        "forwarded",
        "from",
        "host",
        "if-match",
        "if-modified-since",
        "if-none-match",
        "if-range",
        "if-unmodified-since",
        "keep-alive",
        "origin",
        "pragma",
        "range",
        "referer",
        "sec-fetch-dest",
        "sec-fetch-mode",
        "sec-fetch-site",
        "sec-fetch-user",
        "te",
        "transfer-encoding",
        "upgrade",
        "upgrade-insecure-requests",
        "user-agent",
        "via",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-proto",
        "x-real-ip",
        "x-request-id",
        "x-requested-with",
};
static_assert(kNames.back() == "x-requested-with", "one name per enumerator");

constexpr std::size_t kTableSize = 256;

constexpr std::size_t hash_name(std::string_view name) {
    const auto byte = [&](std::size_t at) { return static_cast<std::size_t>(static_cast<unsigned char>(name[at])); };
    return (name.size() * 37 + byte(0) * 5 + byte(name.size() - 1) * 11 + byte(name.size() / 2) * 3) % kTableSize;
}

// Open addressing, filled at compile time.
constexpr auto kTable = [] {
    std::array<std::uint16_t, kTableSize> table{};
    for (std::uint16_t id = 1; id < kKnownCount; ++id) {
        std::size_t place = hash_name(kNames[id]);
        while (table[place] != 0) {
            place = (place + 1) % kTableSize;
        }
        table[place] = id;
    }
    return table;
}();

}  // namespace

std::string_view known_header_name(KnownHeader header) {
    const auto id = static_cast<std::size_t>(header);
    return id < kKnownCount ? kNames[id] : std::string_view{};
}

KnownHeader find_known_header(std::string_view lower_case_name) {
    if (lower_case_name.empty()) {
        return KnownHeader::Other;
    }
    for (std::size_t place = hash_name(lower_case_name); kTable[place] != 0; place = (place + 1) % kTableSize) {
        if (kNames[kTable[place]] == lower_case_name) {
            return static_cast<KnownHeader>(kTable[place]);
        }
    }
    return KnownHeader::Other;
}

RequestView::RequestView(std::span<const std::byte> payload) : payload_(payload) {
    if (payload.size() < sizeof(RequestRecord)) {
        return;
    }
    const auto* record = reinterpret_cast<const RequestRecord*>(payload.data());
    if (record->total_bytes <= payload.size() &&
        record->header_count <= (payload.size() - sizeof(RequestRecord)) / sizeof(HeaderEntry)) {
        record_ = record;
    }
}

std::string_view RequestView::text(Span span) const {
    if (span.offset > payload_.size() || span.length > payload_.size() - span.offset) {
        return {};
    }
    return {reinterpret_cast<const char*>(payload_.data()) + span.offset, span.length};
}

std::span<const HeaderEntry> RequestView::headers() const {
    return {reinterpret_cast<const HeaderEntry*>(payload_.data() + sizeof(RequestRecord)), record_->header_count};
}

}  // namespace fettle::ipc

#include "worker/native/lane/response_head.h"

#include "ipc/field_text.h"
#include "ipc/hop_by_hop.h"

#include <algorithm>
#include <charconv>
#include <cstring>

namespace fettle::worker {

namespace {

constexpr std::string_view kContentLength = "content-length";

constexpr bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

constexpr char to_lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

// tchar of RFC 9110 §5.6.2
constexpr auto kTokenCharacters = [] {
    std::array<bool, 256> table{};
    for (const char c :
         std::string_view("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")) {
        table[static_cast<unsigned char>(c)] = true;
    }
    return table;
}();

bool is_token(std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(),
                                        [](char c) { return kTokenCharacters[static_cast<unsigned char>(c)]; });
}

bool is_named(std::string_view name, std::string_view lower_case) {
    return std::equal(name.begin(), name.end(), lower_case.begin(), lower_case.end(),
                      [](char a, char b) { return to_lower(a) == b; });
}

std::string_view trim(std::string_view text) {
    const auto is_blank = [](char c) { return c == ' ' || c == '\t'; };
    while (!text.empty() && is_blank(text.front())) {
        text.remove_prefix(1);
    }
    while (!text.empty() && is_blank(text.back())) {
        text.remove_suffix(1);
    }
    return text;
}

std::optional<std::uint64_t> parse_length(std::string_view text) {
    std::uint64_t length = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), length);
    return error == std::errc() && end == text.data() + text.size() ? std::optional(length) : std::nullopt;
}

}  // namespace

ResponseHead::ResponseHead() : text_(std::make_unique_for_overwrite<char[]>(ipc::kMaxResponseHeadBytes)) {}

void ResponseHead::clear() {
    status_ = 0;
    header_count_ = 0;
    reason_bytes_ = 0;
    text_bytes_ = 0;
    content_length_.reset();
}

ResponseHead::Fault ResponseHead::set_status(std::string_view line) {
    clear();
    if (line.size() < 3 || !std::all_of(line.begin(), line.begin() + 3, is_digit) ||
        (line.size() > 3 && line[3] != ' ')) {
        return Fault::StatusForm;
    }
    const auto digit = [&](std::size_t at) { return line[at] - '0'; };
    const auto code = static_cast<std::uint16_t>(digit(0) * 100 + digit(1) * 10 + digit(2));
    if (code < 200 || code > 599) {
        return Fault::StatusCode;
    }
    const std::string_view reason = line.substr(std::min<std::size_t>(4, line.size()));
    if (!ipc::is_field_text(reason)) {
        return Fault::ReasonCharacter;
    }
    if (!fits(reason.size(), 0)) {
        return Fault::TooLarge;
    }
    append(reason);
    reason_bytes_ = text_bytes_;
    status_ = code;
    return Fault::None;
}

ResponseHead::Fault ResponseHead::add(std::string_view name, std::string_view value) {
    value = trim(value);
    if (!is_token(name)) {
        return Fault::NameForm;
    }
    if (!ipc::is_field_text(value)) {
        return Fault::ValueCharacter;
    }
    if (ipc::is_hop_by_hop(name)) {
        return Fault::HopByHop;
    }
    if (is_named(name, kContentLength)) {
        if (content_length_) {
            return Fault::LengthTwice;
        }
        content_length_ = parse_length(value);
        if (!content_length_) {
            return Fault::LengthForm;
        }
    }
    if (!fits(name.size() + value.size(), 1)) {
        return Fault::TooLarge;
    }
    append(name);
    append(value);
    sizes_[header_count_++] = {static_cast<std::uint32_t>(name.size()), static_cast<std::uint32_t>(value.size())};
    return Fault::None;
}

bool ResponseHead::add_content_length(std::uint64_t length) {
    std::array<char, 20> digits;
    const auto [end, error] = std::to_chars(digits.begin(), digits.end(), length);
    return add("Content-Length", {digits.data(), static_cast<std::size_t>(end - digits.data())}) == Fault::None;
}

std::uint32_t ResponseHead::record_bytes() const {
    return static_cast<std::uint32_t>(ipc::response_record_bytes(header_count_, 0, text_bytes_, 0));
}

void ResponseHead::write(std::span<std::byte> space, std::uint32_t body_bytes) const {
    const ipc::ResponseRecord record{
            .status = status_,
            .header_count = header_count_,
            .reason_bytes = reason_bytes_,
            .headers_bytes = text_bytes_ - reason_bytes_,
            .body_bytes = body_bytes,
    };
    const std::size_t sizes_bytes = header_count_ * sizeof(ipc::HeaderSize);
    std::memcpy(space.data(), &record, sizeof(record));
    std::memcpy(space.data() + sizeof(record), sizes_.data(), sizes_bytes);
    std::memcpy(space.data() + sizeof(record) + sizes_bytes, text_.get(), text_bytes_);
}

bool ResponseHead::fits(std::size_t text, std::size_t headers) const {
    return header_count_ + headers <= ipc::kMaxResponseHeaders &&
           ipc::response_record_bytes(header_count_ + headers, 0, text_bytes_ + text, 0) <= ipc::kMaxResponseHeadBytes;
}

void ResponseHead::append(std::string_view text) {
    std::memcpy(text_.get() + text_bytes_, text.data(), text.size());
    text_bytes_ += static_cast<std::uint32_t>(text.size());
}

}  // namespace fettle::worker

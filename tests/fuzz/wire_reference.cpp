#include "tests/fuzz/wire_reference.h"

#include "base/assert.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstdint>
#include <vector>

namespace fettle::fuzz {

namespace {

constexpr std::string_view kLineEnd = "\r\n";

bool token(std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) {
        return std::isalnum(c) != 0 ||
               (c != 0 && std::string_view("!#$%&'*+-.^_`|~").find(static_cast<char>(c)) != std::string_view::npos);
    });
}

bool field_value(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](unsigned char c) { return c == '\t' || (c >= 0x20 && c != 0x7f); });
}

std::string lower(std::string_view text) {
    std::string result(text);
    std::transform(result.begin(), result.end(), result.begin(),
                   [](unsigned char c) { return static_cast<char>(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c); });
    return result;
}

std::string_view trimmed(std::string_view text) {
    const auto first = text.find_first_not_of(" \t");
    return first == std::string_view::npos ? std::string_view{}
                                           : text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

// The lines of `text`, whose last one also ends in CR LF.
std::vector<std::string_view> lines_of(std::string_view text) {
    std::vector<std::string_view> lines;
    while (!text.empty()) {
        const auto end = text.find(kLineEnd);
        FETTLE_ASSERT(end != std::string_view::npos, "an accepted head has a line without an end");
        lines.push_back(text.substr(0, end));
        text.remove_prefix(end + kLineEnd.size());
    }
    return lines;
}

struct Field {
    std::string name;
    std::string_view value;
};

std::optional<Field> split_field(std::string_view line) {
    const auto colon = line.find(':');
    if (colon == std::string_view::npos || !token(line.substr(0, colon)) || !field_value(line.substr(colon + 1))) {
        return std::nullopt;
    }
    return Field{lower(line.substr(0, colon)), trimmed(line.substr(colon + 1))};
}

// Takes the line up to CR LF from `wire`; nullopt if there is none or it holds a bare CR, LF or another control.
std::optional<std::string_view> take_line(std::string_view& wire) {
    const auto end = wire.find(kLineEnd);
    if (end == std::string_view::npos || !field_value(wire.substr(0, end))) {
        return std::nullopt;
    }
    const std::string_view line = wire.substr(0, end);
    wire.remove_prefix(end + kLineEnd.size());
    return line;
}

bool names_option(std::string_view value, std::string_view option) {
    while (!value.empty()) {
        const auto comma = std::min(value.find(','), value.size());
        if (lower(trimmed(value.substr(0, comma))) == option) {
            return true;
        }
        value.remove_prefix(std::min(comma + 1, value.size()));
    }
    return false;
}

// What the header lines say about framing and the connection.
struct Facts {
    std::vector<std::pair<std::string, std::string>> headers;  // as an application is to see them
    std::size_t hosts = 0;
    std::size_t lengths = 0;
    std::size_t codings = 0;
    std::uint64_t length = 0;
    bool closes = false;
};

void note(const Field& field, Facts& facts) {
    if (field.name == "host") {
        ++facts.hosts;
    } else if (field.name == "content-length") {
        ++facts.lengths;
        const char* last = field.value.data() + field.value.size();
        const auto [end, error] = std::from_chars(field.value.data(), last, facts.length);
        FETTLE_ASSERT(error == std::errc{} && end == last, "an accepted Content-Length is no number");
    } else if (field.name == "transfer-encoding") {
        ++facts.codings;
        FETTLE_ASSERT(lower(field.value) == "chunked", "an accepted coding is not chunked");
        return;
    } else if (field.name == "connection") {
        facts.closes = facts.closes || names_option(field.value, "close");
    } else if (field.name.find('_') != std::string::npos) {
        return;
    }
    facts.headers.emplace_back(field.name, field.value);
}

// The authority of an absolute-form target, which takes the place of Host.
std::string_view authority_of(std::string_view target) {
    const auto scheme = target.find("://");
    if (target.starts_with('/') || scheme == std::string_view::npos) {
        return {};
    }
    const std::string_view rest = target.substr(scheme + 3);
    return rest.substr(0, std::min(rest.find_first_of("/?"), rest.size()));
}

void put_authority(std::string_view authority, Facts& facts) {
    if (authority.empty()) {
        return;
    }
    const auto host = std::find_if(facts.headers.begin(), facts.headers.end(),
                                   [](const auto& header) { return header.first == "host"; });
    if (host != facts.headers.end()) {
        host->second = authority;
    } else {
        facts.headers.emplace_back("host", authority);
    }
}

Facts read_fields(const std::vector<std::string_view>& lines) {
    Facts facts;
    for (std::size_t index = 1; index < lines.size(); ++index) {
        const auto field = split_field(lines[index]);
        FETTLE_ASSERT(field.has_value(), "an accepted header line is none");
        note(*field, facts);
    }
    return facts;
}

void compare_head(const Message& message, std::string_view wire) {
    std::string_view head = wire.substr(message.start, message.head_end - message.start);
    if (head.starts_with(kLineEnd)) {
        head.remove_prefix(kLineEnd.size());
    }
    FETTLE_ASSERT(head.find("\r\n\r\n") + 4 == head.size(), "a head does not end at its first empty line");
    const auto lines = lines_of(head.substr(0, head.size() - kLineEnd.size()));
    const std::string start = message.method + " " + message.target + " HTTP/1.";
    FETTLE_ASSERT(lines.front().starts_with(start) && lines.front().size() == start.size() + 1 &&
                          std::isdigit(static_cast<unsigned char>(lines.front().back())) != 0,
                  "the request line was read differently");
    FETTLE_ASSERT(message.http_minor == (lines.front().back() == '0' ? 0 : 1),  // a higher one is as 1 (RFC 9110 2.5)
                  "the version was misread");
    FETTLE_ASSERT(token(message.method), "a method that is no token was accepted");
    Facts facts = read_fields(lines);
    put_authority(authority_of(message.target), facts);
    FETTLE_ASSERT(facts.headers == message.headers, "the headers were read differently");
    FETTLE_ASSERT(facts.hosts <= 1 && facts.lengths <= 1 && facts.codings <= 1 && facts.lengths + facts.codings <= 1,
                  "repeated or conflicting framing was accepted");
    FETTLE_ASSERT(message.http_minor == 0 || facts.hosts == 1 || !authority_of(message.target).empty(),
                  "HTTP/1.1 without Host was accepted");
    FETTLE_ASSERT(facts.codings == 0 || message.http_minor == 1, "HTTP/1.0 with Transfer-Encoding was accepted");
    FETTLE_ASSERT((message.body_kind == http::BodyKind::Chunked) == (facts.codings == 1), "the coding was misread");
    FETTLE_ASSERT(message.content_length == facts.length, "the length was misread");
    FETTLE_ASSERT(!(facts.closes && message.keep_alive), "'Connection: close' was ignored");
}

void compare_body(const Message& message, std::string_view wire) {
    const std::string_view rest = wire.substr(message.head_end);
    if (message.body_kind == http::BodyKind::Chunked) {
        const auto body = read_chunked(rest);
        FETTLE_ASSERT(body.has_value(), "a malformed chunked body was accepted");
        FETTLE_ASSERT(body->data == message.body && message.head_end + body->bytes == message.end,
                      "a chunked body was read differently");
        return;
    }
    FETTLE_ASSERT(message.body == rest.substr(0, message.content_length) &&
                          message.end == message.head_end + message.content_length,
                  "a body with a length was read differently");
}

}  // namespace

std::optional<ReferenceBody> read_chunked(std::string_view wire) {
    ReferenceBody body;
    const std::size_t all = wire.size();
    for (;;) {
        const auto line = take_line(wire);
        if (!line) {
            return std::nullopt;
        }
        const std::size_t digits = std::min(line->find_first_not_of("0123456789abcdefABCDEF"), line->size());
        const std::string_view behind = trimmed(line->substr(digits));
        std::uint64_t size = 0;
        const auto [end, error] = std::from_chars(line->data(), line->data() + digits, size, 16);
        if (digits == 0 || error != std::errc{} || (!behind.empty() && behind.front() != ';')) {
            return std::nullopt;
        }
        body.plain = body.plain && digits == line->size() && digits <= 8 && (line->front() != '0' || digits == 1);
        if (size == 0) {
            break;
        }
        if (wire.size() < size || !wire.substr(static_cast<std::size_t>(size)).starts_with(kLineEnd)) {
            return std::nullopt;
        }
        body.data.append(wire.substr(0, static_cast<std::size_t>(size)));
        wire.remove_prefix(static_cast<std::size_t>(size) + kLineEnd.size());
    }
    for (;;) {
        const auto trailer = take_line(wire);
        if (!trailer || (!trailer->empty() && !split_field(*trailer))) {
            return std::nullopt;
        }
        if (trailer->empty()) {
            break;
        }
        body.plain = false;
    }
    body.bytes = all - wire.size();
    return body;
}

void compare_with_reference(const Transcript& transcript, std::string_view wire) {
    for (const Message& message : transcript.messages) {
        compare_head(message, wire);
        if (message.end != 0) {
            compare_body(message, wire);
        }
    }
}

}  // namespace fettle::fuzz

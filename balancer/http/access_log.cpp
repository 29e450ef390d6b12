// Writes access log lines.
#include "balancer/http/access_log.h"

#include "balancer/http/characters.h"
#include "balancer/http/http_date.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace fettle::http {

namespace {

using std::chrono::duration_cast;
using std::chrono::nanoseconds;

double milliseconds(nanoseconds duration) {
    return std::chrono::duration<double, std::milli>(duration).count();
}

template <class... Args>
void append(std::string& line, fmt::format_string<Args...> format, Args&&... args) {
    fmt::format_to(std::back_inserter(line), format, std::forward<Args>(args)...);
}

// ---- values

std::string_view protocol(const AccessRecord& record) {
    if (record.head->method.empty()) {
        return {};
    }
    return record.head->http_minor == 0 ? "HTTP/1.0" : "HTTP/1.1";
}

std::string decode_base64(std::string_view text) {
    std::string decoded;
    std::uint32_t bits = 0;
    int held = 0;
    for (const char c : text) {
        constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        const auto value = kAlphabet.find(c);
        if (value == std::string_view::npos) {
            break;
        }
        bits = (bits << 6 | static_cast<std::uint32_t>(value)) & 0xffffU;
        held += 6;
        if (held >= 8) {
            held -= 8;
            decoded += static_cast<char>(bits >> held & 0xffU);
        }
    }
    return decoded;
}

// The user name of "Authorization: Basic base64(user:password)"; empty without one.
std::string user(const RequestHead& head) {
    const auto authorization = head.find(ipc::KnownHeader::Authorization);
    constexpr std::string_view kScheme = "basic ";
    if (!authorization || !equal_ignoring_case(authorization->substr(0, kScheme.size()), kScheme)) {
        return {};
    }
    std::string credentials = decode_base64(trim(authorization->substr(kScheme.size())));
    const auto colon = credentials.find(':');
    credentials.resize(colon == std::string::npos ? 0 : colon);
    return credentials;
}

std::string_view request_header(const AccessRecord& record, std::string_view lower_case_name) {
    return record.head->find(lower_case_name).value_or(std::string_view{});
}

// `head` is a response head as we wrote it: lines "Name: value" ending in CR LF.
std::string_view response_header(std::string_view head, std::string_view lower_case_name) {
    auto end = head.find("\r\n");
    while (end != std::string_view::npos) {
        head.remove_prefix(end + 2);
        end = head.find("\r\n");
        const std::string_view line = head.substr(0, end);
        const auto colon = line.find(':');
        if (colon != std::string_view::npos && equal_ignoring_case(line.substr(0, colon), lower_case_name)) {
            return trim(line.substr(colon + 1));
        }
    }
    return {};
}

// ---- text

void append_escaped(std::string_view text, std::string& line) {
    if (text.empty()) {
        line += '-';
        return;
    }
    for (const char c : text) {
        if (c == '"' || c == '\\') {
            line += '\\';
            line += c;
        } else if (c >= 0x20 && c < 0x7f) {
            line += c;
        } else {
            append(line, "\\x{:02x}", static_cast<unsigned char>(c));
        }
    }
}

void append_ms_or_dash(std::optional<nanoseconds> duration, std::string& line) {
    if (duration) {
        append(line, "{:.3f}", milliseconds(*duration));
    } else {
        line += '-';
    }
}

template <class Number>
void append_or_dash(bool known, Number number, fmt::format_string<Number> format, std::string& line) {
    if (known) {
        fmt::format_to(std::back_inserter(line), format, std::move(number));
    } else {
        line += '-';
    }
}

void append_atom(const AccessPart& part, const AccessRecord& record, std::string& line) {
    const RequestHead& head = *record.head;
    switch (part.atom) {
        case AccessAtom::None:
            return;
        case AccessAtom::ClientAddress:
            return append_escaped(record.client_address, line);
        case AccessAtom::Dash:
            return append_escaped({}, line);
        case AccessAtom::User:
            return append_escaped(user(head), line);
        case AccessAtom::Time:
            return append_log_time(record.unix_ms / 1000, line);
        case AccessAtom::RequestLine:
            return append_escaped(head.request_line, line);
        case AccessAtom::Method:
            return append_escaped(head.method, line);
        case AccessAtom::Path:
            return append_escaped(head.path, line);
        case AccessAtom::Query:
            if (!head.query.empty()) {  // as Gunicorn: nothing instead of "-"
                append_escaped(head.query, line);
            }
            return;
        case AccessAtom::Protocol:
            return append_escaped(protocol(record), line);
        case AccessAtom::Status:
            return append(line, "{}", record.status);
        case AccessAtom::BytesOut:
            return append(line, "{}", record.bytes_out);
        case AccessAtom::BytesOutOrDash:
            return append_or_dash(record.bytes_out != 0, record.bytes_out, "{}", line);
        case AccessAtom::BytesIn:
            return append(line, "{}", record.bytes_in);
        case AccessAtom::Referer:
            return append_escaped(request_header(record, "referer"), line);
        case AccessAtom::UserAgent:
            return append_escaped(request_header(record, "user-agent"), line);
        case AccessAtom::Seconds:
            return append(line, "{}", duration_cast<std::chrono::seconds>(record.duration).count());
        case AccessAtom::Milliseconds:
            return append(line, "{}", duration_cast<std::chrono::milliseconds>(record.duration).count());
        case AccessAtom::Microseconds:
            return append(line, "{}", duration_cast<std::chrono::microseconds>(record.duration).count());
        case AccessAtom::DecimalSeconds:
            return append(line, "{:.6f}", std::chrono::duration<double>(record.duration).count());
        case AccessAtom::Pid:
            return append_or_dash(record.worker_pid != 0, record.worker_pid, "<{}>", line);
        case AccessAtom::RequestHeader:
            return append_escaped(request_header(record, part.header), line);
        case AccessAtom::ResponseHeader:
            return append_escaped(response_header(record.response_head, part.header), line);
        case AccessAtom::RequestId:
            return append_escaped(record.request_id, line);
        case AccessAtom::Seat:
            return append_or_dash(record.seat.has_value(), record.seat.value_or(0), "{}", line);
        case AccessAtom::QueueMilliseconds:
            return append_ms_or_dash(record.queue, line);
        case AccessAtom::AppMilliseconds:
            return append_ms_or_dash(record.app, line);
    }
}

// ---- JSON

// Length of the valid UTF-8 sequence at the start of `text`; 0: it is not one (Unicode 15, table 3-7).
std::size_t utf8_length(std::string_view text) {
    const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
    const auto within = [&](std::size_t i, unsigned low, unsigned high) { return byte(i) >= low && byte(i) <= high; };
    const auto tail = [&](std::size_t i) { return within(i, 0x80, 0xbf); };
    const unsigned first = byte(0);
    if (first < 0x80) {
        return 1;
    }
    if (first >= 0xc2 && first <= 0xdf) {
        return tail(1) ? 2 : 0;
    }
    if (first >= 0xe0 && first <= 0xef) {
        const bool second = within(1, first == 0xe0 ? 0xa0 : 0x80, first == 0xed ? 0x9f : 0xbf);
        return second && tail(2) ? 3 : 0;
    }
    if (first >= 0xf0 && first <= 0xf4) {
        const bool second = within(1, first == 0xf0 ? 0x90 : 0x80, first == 0xf4 ? 0x8f : 0xbf);
        return second && tail(2) && tail(3) ? 4 : 0;
    }
    return 0;
}

void append_json_string(std::string_view text, std::string& line) {
    line += '"';
    while (!text.empty()) {
        const char c = text.front();
        std::size_t length = utf8_length(text);
        if (length == 0) {
            line += "\\ufffd";
            length = 1;
        } else if (c == '"' || c == '\\') {
            line += '\\';
            line += c;
        } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
            append(line, "\\u{:04x}", static_cast<unsigned char>(c));
        } else {
            line.append(text.substr(0, length));
        }
        text.remove_prefix(length);
    }
    line += '"';
}

// Appends members of one object; what is not known is null, so that every line has the same keys.
class JsonObject {
  public:
    explicit JsonObject(std::string& line) : line_(line) { line_ += '{'; }

    void text(std::string_view key, std::string_view value) {
        begin(key);
        if (value.empty()) {
            line_ += "null";
        } else {
            append_json_string(value, line_);
        }
    }

    template <class Number>
    void number(std::string_view key, std::optional<Number> value) {
        begin(key);
        if (value) {
            append(line_, "{}", *value);
        } else {
            line_ += "null";
        }
    }

    void ms(std::string_view key, std::optional<nanoseconds> value) {
        begin(key);
        if (value) {
            append(line_, "{:.3f}", milliseconds(*value));
        } else {
            line_ += "null";
        }
    }

    void end() { line_ += '}'; }

  private:
    void begin(std::string_view key) {
        if (line_.back() != '{') {
            line_ += ',';
        }
        append(line_, "\"{}\":", key);
    }

    std::string& line_;
};

void append_json(const AccessRecord& record, std::string& line) {
    const RequestHead& head = *record.head;
    std::string time;
    append_iso_time(record.unix_ms, time);
    JsonObject object(line);
    object.text("time", time);
    object.text("id", record.request_id);
    object.text("client", record.client_address);
    object.text("user", user(head));
    object.text("request", head.request_line);
    object.text("method", head.method);
    object.text("path", head.path);
    object.text("query", head.query);
    object.text("protocol", protocol(record));
    object.text("host", request_header(record, "host"));
    object.number("status", std::optional(record.status));
    object.number("bytes_in", std::optional(record.bytes_in));
    object.number("bytes_out", std::optional(record.bytes_out));
    object.text("referer", request_header(record, "referer"));
    object.text("user_agent", request_header(record, "user-agent"));
    object.ms("duration_ms", record.duration);
    object.ms("queue_ms", record.queue);
    object.ms("app_ms", record.app);
    object.number("seat", record.seat);
    object.number("pid", record.worker_pid != 0 ? std::optional(record.worker_pid) : std::nullopt);
    object.end();
}

}  // namespace

void AccessFormat::write(const AccessRecord& record, std::string& line) const {
    if (json_) {
        append_json(record, line);
        return;
    }
    for (const AccessPart& part : parts_) {
        line.append(part.literal);
        append_atom(part, record, line);
    }
}

}  // namespace fettle::http

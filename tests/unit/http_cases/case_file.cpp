#include "tests/unit/http_cases/case_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>

namespace fettle::http::test {

namespace {

// The servers that cases are for; tests/e2e/test_http_cases.py starts them with the same limits.
config::Http limits_of(std::string_view server) {
    config::Http limits;
    if (server == "small") {
        limits.max_request_line = 128;
        limits.max_headers = 5;
        limits.max_header_bytes = 256;
        limits.max_body_bytes = 20;
    } else if (server != "default") {
        throw std::runtime_error(fmt::format("there is no server '{}'", server));
    }
    return limits;
}

unsigned number(std::string_view text, int base) {
    unsigned value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
    if (error != std::errc{} || end != text.data() + text.size()) {
        throw std::runtime_error(fmt::format("'{}' is not a number", text));
    }
    return value;
}

// Takes one escape, without its backslash, off the front of `text`.
std::string take_escape(std::string_view& text) {
    const char kind = text.empty() ? '\0' : text.front();
    text.remove_prefix(text.empty() ? 0 : 1);
    switch (kind) {
        case 'r':
            return "\r";
        case 'n':
            return "\n";
        case 't':
            return "\t";
        case '0':
            return std::string(1, '\0');
        case '\\':
            return "\\";
        case 'x': {
            const unsigned code = number(text.substr(0, 2), 16);
            text.remove_prefix(2);
            return std::string(1, static_cast<char>(code));
        }
        case '{': {
            const auto bar = text.find('|');
            const auto end = text.find('}', std::min(bar, text.size()));
            if (end == std::string_view::npos) {
                throw std::runtime_error("a repetition is \\{N|text}");
            }
            const std::string once = unescape(text.substr(bar + 1, end - bar - 1));
            std::string repeated;
            for (unsigned left = number(text.substr(0, bar), 10); left > 0; --left) {
                repeated += once;
            }
            text.remove_prefix(end + 1);
            return repeated;
        }
        default:
            throw std::runtime_error(fmt::format("there is no escape '\\{}'", kind));
    }
}

ExpectedRequest parse_request(std::string_view line) {
    const auto first = line.find(' ');
    const auto last = line.rfind(" HTTP/1.");
    if (first == std::string_view::npos || last == std::string_view::npos || last <= first) {
        throw std::runtime_error("a request is METHOD TARGET HTTP/1.x");
    }
    return {.method = std::string(line.substr(0, first)),
            .target = unescape(line.substr(first + 1, last - first - 1)),
            .http_minor = static_cast<int>(number(line.substr(last + 8), 10)),
            .fields = {},
            .body = {}};
}

class CaseReader {
  public:
    explicit CaseReader(std::string_view name) { case_.name = name; }

    void take_line(std::string_view line) {
        if (line.starts_with("> ") && has_ending_) {
            case_.wire += unescape(line.substr(2));
            in_wire_ = true;
        } else if (in_wire_) {
            if (line != "< 100") {  // there the end-to-end runner waits until it is told to continue
                throw std::runtime_error("only wire lines, '> ...', may follow the first of them");
            }
        } else if (!line.empty()) {
            const auto colon = line.find(": ");
            take_key(line.substr(0, colon), line.substr(colon == std::string_view::npos ? line.size() : colon + 2));
        }
    }

    Case finish() {
        if (case_.clause.empty() || case_.why.empty() || !has_ending_ || case_.wire.empty()) {
            throw std::runtime_error("clause, why, expect and wire lines are needed");
        }
        return std::move(case_);
    }

  private:
    void take_key(std::string_view key, std::string_view value) {
        if (key == "clause") {
            case_.clause = value;
        } else if (key == "why") {
            case_.why.append(case_.why.empty() ? "" : " ").append(value);
        } else if (key == "server") {
            case_.limits = limits_of(value);
        } else if (key == "expect") {
            take_ending(value);
        } else if (key == "request") {
            case_.requests.push_back(parse_request(value));
        } else if (key == "field" && !case_.requests.empty()) {
            const bool empty = value.find(": ") == std::string_view::npos;  // "name:"
            case_.requests.back().fields.push_back(unescape(value) + (empty ? " " : ""));
        } else if (key == "body" && !case_.requests.empty()) {
            case_.requests.back().body = unescape(value);
        } else if (key != "path" && key != "query" && key != "environ") {  // those are the application's view
            throw std::runtime_error(fmt::format("'{}' is not expected here", key));
        }
    }

    void take_ending(std::string_view value) {
        has_ending_ = true;
        value = value.substr(0, value.find(' '));  // what follows is about the application
        if (value == "open") {
            case_.ending = Ending::Open;
        } else if (value == "closed") {
            case_.ending = Ending::Closed;
        } else if (value == "silence") {
            case_.ending = Ending::Silence;
        } else {
            case_.ending = Ending::Refused;
            case_.status = static_cast<std::uint16_t>(number(value, 10));
        }
    }

    Case case_;
    bool has_ending_ = false;
    bool in_wire_ = false;
};

}  // namespace

std::string unescape(std::string_view text) {
    std::string bytes;
    while (!text.empty()) {
        const char c = text.front();
        text.remove_prefix(1);
        if (c < 0x20 || c > 0x7e) {
            throw std::runtime_error("bytes that cannot be seen are written as escapes");
        }
        bytes += c == '\\' ? take_escape(text) : std::string(1, c);
    }
    return bytes;
}

Case parse_case(std::string_view name, std::string_view text) {
    CaseReader reader(name);
    int line_number = 0;
    while (!text.empty()) {
        const auto end = std::min(text.find('\n'), text.size());
        ++line_number;
        try {
            reader.take_line(text.substr(0, end));
        } catch (const std::exception& error) {
            throw std::runtime_error(fmt::format("{}:{}: {}", name, line_number, error.what()));
        }
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    try {
        return reader.finish();
    } catch (const std::exception& error) {
        throw std::runtime_error(fmt::format("{}: {}", name, error.what()));
    }
}

std::vector<Case> load_cases(const std::filesystem::path& folder) {
    std::vector<Case> cases;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
        if (entry.path().extension() == ".case") {
            std::ifstream file(entry.path(), std::ios::binary);
            std::ostringstream text;
            text << file.rdbuf();
            cases.push_back(
                    parse_case(entry.path().lexically_relative(folder).replace_extension().string(), text.str()));
        }
    }
    std::sort(cases.begin(), cases.end(), [](const Case& a, const Case& b) { return a.name < b.name; });
    return cases;
}

}  // namespace fettle::http::test

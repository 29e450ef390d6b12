#include "balancer/http/request_line.h"

#include "balancer/http/characters.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <string>

namespace fettle::http {

namespace {

constexpr Refusal kMalformed{400, "The request line is not METHOD TARGET HTTP/1.x with single blanks between."};
constexpr Refusal kBadTarget{400, "The request target is malformed."};

// The longest registered method, UPDATEREDIRECTREF, has 17.
constexpr std::size_t kMaxMethod = 32;

constexpr bool digit(char c) {
    return c >= '0' && c <= '9';
}

constexpr bool hex_digit(char c) {
    return digit(c) || (c >= 'A' && c <= 'F') || (c >= 'a' && c <= 'f');
}

// Of methods that are tokens.
Refusal judge_method(std::string_view method) {
    if (method == "CONNECT") {
        return {501, "CONNECT is not supported: this is not a proxy."};
    }
    if (method == "PRI") {  // RFC 9113 11.6
        return {501, "The method PRI belongs to HTTP/2, which is not spoken here."};
    }
    if (method.size() > kMaxMethod || !all(characters::kMethod, method)) {
        return {501, "A request method is made of capitals, digits, '-' and '_' here."};
    }
    return {};
}

// Sets path and query from what follows the authority, or from an origin-form target.
void split(std::string_view target, RequestLine& line) {
    const auto mark = target.find('?');
    line.path = target.substr(0, mark);
    line.query = mark == std::string_view::npos ? std::string_view{} : target.substr(mark + 1);
}

bool split_absolute(RequestLine& line) {
    const std::array<std::string_view, 2> schemes{"http://", "https://"};
    const auto* scheme = std::find_if(schemes.begin(), schemes.end(), [&](std::string_view candidate) {
        return equal_ignoring_case(line.target.substr(0, candidate.size()), candidate);
    });
    if (scheme == schemes.end()) {
        return false;
    }
    const std::string_view rest = line.target.substr(scheme->size());
    const auto end = std::min(rest.find_first_of("/?"), rest.size());
    line.authority = rest.substr(0, end);
    if (line.authority.empty() || line.authority.front() == ':' || !valid_host(line.authority)) {
        return false;
    }
    split(rest.substr(end), line);
    if (line.path.empty()) {
        line.path = line.method == "OPTIONS" && end == rest.size() ? "*" : "/";  // RFC 9112 3.2.4
    }
    return true;
}

bool split_target(RequestLine& line) {
    if (line.target.front() == '/') {
        split(line.target, line);
        return true;
    }
    if (line.target == "*") {
        line.path = line.target;
        return line.method == "OPTIONS";
    }
    return split_absolute(line);
}

// RFC 3986 3.2.2: what stands between the brackets. Zone identifiers mean nothing beyond their machine.
bool valid_ip_literal(std::string_view literal) {
    if (!literal.empty() && to_lower(literal.front()) == 'v') {
        const auto dot = std::min(literal.find('.'), literal.size());
        const std::string_view version = literal.substr(1, dot - 1);
        const std::string_view address = literal.substr(std::min(dot + 1, literal.size()));
        return !version.empty() && std::all_of(version.begin(), version.end(), hex_digit) && !address.empty() &&
               address.find_first_of("%[]") == std::string_view::npos;
    }
    in6_addr address;
    return ::inet_pton(AF_INET6, std::string(literal).c_str(), &address) == 1;
}

bool valid_escapes(std::string_view name) {
    for (auto at = name.find('%'); at != std::string_view::npos; at = name.find('%', at + 1)) {
        if (name.size() - at < 3 || !hex_digit(name[at + 1]) || !hex_digit(name[at + 2])) {
            return false;
        }
    }
    return true;
}

}  // namespace

std::variant<RequestLine, Refusal> parse_request_line(std::string_view line) {
    const auto first = line.find(' ');
    const auto second = first == std::string_view::npos ? first : line.find(' ', first + 1);
    if (second == std::string_view::npos) {
        return kMalformed;
    }
    RequestLine parsed;
    parsed.method = line.substr(0, first);
    parsed.target = line.substr(first + 1, second - first - 1);
    const std::string_view version = line.substr(second + 1);
    if (parsed.method.empty() || !all(characters::kToken, parsed.method) || parsed.target.empty() ||
        version.size() != 8 || version.substr(0, 5) != "HTTP/" || !digit(version[5]) || version[6] != '.' ||
        !digit(version[7])) {
        return kMalformed;
    }
    if (version[5] != '1') {
        return Refusal{505, "Only HTTP/1.0 and HTTP/1.1 are spoken here."};
    }
    parsed.http_minor = version[7] == '0' ? 0 : 1;
    if (const Refusal refusal = judge_method(parsed.method); refusal.status != 0) {
        return refusal;
    }
    if (!all(characters::kTarget, parsed.target) || !split_target(parsed)) {
        return kBadTarget;
    }
    return parsed;
}

bool valid_host(std::string_view host) {
    if (!all(characters::kHost, host)) {
        return false;
    }
    std::string_view port;
    if (!host.empty() && host.front() == '[') {
        const auto end = host.find(']');
        if (end == std::string_view::npos || !valid_ip_literal(host.substr(1, end - 1))) {
            return false;
        }
        port = host.substr(end + 1);
    } else {
        const auto bracket = [](char c) { return c == '[' || c == ']'; };
        if (std::any_of(host.begin(), host.end(), bracket)) {
            return false;
        }
        port = host.substr(std::min(host.find(':'), host.size()));
        if (!valid_escapes(host)) {
            return false;
        }
    }
    return port.empty() ||
           (port.front() == ':' && port.size() <= 6 && std::all_of(port.begin() + 1, port.end(), digit));
}

}  // namespace fettle::http

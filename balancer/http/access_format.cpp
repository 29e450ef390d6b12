// Compiles the access log's format string.
#include "balancer/http/access_log.h"
#include "balancer/http/characters.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace fettle::http {

namespace {

struct Named {
    std::string_view name;
    AccessAtom atom;
};

constexpr std::array<Named, 24> kAtoms{{
        {"h", AccessAtom::ClientAddress},
        {"l", AccessAtom::Dash},
        {"u", AccessAtom::User},
        {"t", AccessAtom::Time},
        {"r", AccessAtom::RequestLine},
        {"m", AccessAtom::Method},
        {"U", AccessAtom::Path},
        {"q", AccessAtom::Query},
        {"H", AccessAtom::Protocol},
        {"s", AccessAtom::Status},
        {"B", AccessAtom::BytesOut},
        {"b", AccessAtom::BytesOutOrDash},
        {"I", AccessAtom::BytesIn},
        {"f", AccessAtom::Referer},
        {"a", AccessAtom::UserAgent},
        {"T", AccessAtom::Seconds},
        {"M", AccessAtom::Milliseconds},
        {"D", AccessAtom::Microseconds},
        {"L", AccessAtom::DecimalSeconds},
        {"p", AccessAtom::Pid},
        {"id", AccessAtom::RequestId},
        {"seat", AccessAtom::Seat},
        {"queue_ms", AccessAtom::QueueMilliseconds},
        {"app_ms", AccessAtom::AppMilliseconds},
}};

std::string known_atoms() {
    std::string list;
    for (const Named& named : kAtoms) {
        list.append(named.name).append(" ");
    }
    return list.append("{header}i {header}o");
}

Error bad_atom(std::string_view format, std::size_t at, std::size_t end, std::string_view why) {
    return Error{fmt::format(
            "access log format: '{}' at column {} {}; known are %(NAME)s with NAME one of: {}; %% is a percent sign",
            format.substr(at, end - at), at + 1, why, known_atoms())};
}

// Resolves NAME of %(NAME)s.
Result<AccessPart> find_atom(std::string_view name) {
    AccessPart part;
    const auto* found =
            std::find_if(kAtoms.begin(), kAtoms.end(), [&](const Named& named) { return named.name == name; });
    if (found != kAtoms.end()) {
        part.atom = found->atom;
        return part;
    }
    if (name.size() >= 4 && name.front() == '{' && name[name.size() - 2] == '}') {
        const std::string_view header = name.substr(1, name.size() - 3);
        if (all(characters::kToken, header) && (name.back() == 'i' || name.back() == 'o')) {
            part.atom = name.back() == 'i' ? AccessAtom::RequestHeader : AccessAtom::ResponseHeader;
            part.header = header;
            std::transform(part.header.begin(), part.header.end(), part.header.begin(), to_lower);
            return part;
        }
        if (name.back() == 'e') {
            return Error{"is not available: environ stays in the worker"};
        }
    }
    return Error{"is unknown"};
}

}  // namespace

Result<AccessFormat> AccessFormat::compile(std::string_view format) {
    AccessFormat compiled;
    if (format == "json") {
        compiled.json_ = true;
        return compiled;
    }
    std::string literal;
    std::size_t at = 0;
    while (at < format.size()) {
        if (format[at] != '%') {
            literal += format[at++];
            continue;
        }
        if (format.substr(at, 2) == "%%") {
            literal += '%';
            at += 2;
            continue;
        }
        const auto close = format.find(')', at);
        if (format.substr(at, 2) != "%(" || close == std::string_view::npos) {
            return bad_atom(format, at, std::min(at + 8, format.size()), "is not complete");
        }
        const std::size_t end = std::min(close + 2, format.size());
        if (end != close + 2 || format[close + 1] != 's') {
            return bad_atom(format, at, end, "does not end in ')s'");
        }
        auto part = find_atom(format.substr(at + 2, close - at - 2));
        if (!part) {
            return bad_atom(format, at, end, part.error().what);
        }
        part->literal = std::exchange(literal, {});
        compiled.wants_response_head_ = compiled.wants_response_head_ || part->atom == AccessAtom::ResponseHeader;
        compiled.parts_.push_back(*std::move(part));
        at = end;
    }
    if (!literal.empty()) {
        compiled.parts_.push_back({.literal = std::move(literal)});
    }
    return compiled;
}

}  // namespace fettle::http

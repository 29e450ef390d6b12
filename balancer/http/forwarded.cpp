#include "balancer/http/forwarded.h"

#include "balancer/http/characters.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <string_view>
#include <vector>

namespace fettle::http {

namespace {

using config::ForwardedHeaders;
using config::IpAddress;

constexpr std::uint16_t kHttpPort = 80;
constexpr std::uint16_t kHttpsPort = 443;
constexpr std::size_t kMaxHost = 255 + 6;  // a name and a port; the request's record has room for it

constexpr Refusal kBadForwarded{400, "Forwarded is malformed."};
constexpr Refusal kBadFor{400, "X-Forwarded-For holds something that is no address."};
constexpr Refusal kBadProto{400, "The forwarded scheme is neither http nor https."};
constexpr Refusal kBadHost{400, "The forwarded host is malformed."};
constexpr Refusal kBadPort{400, "The forwarded port is malformed."};

// What was said, each still as text.
struct Said {
    std::string_view scheme;
    std::string_view host;
    std::string_view port;
};

// ---- nodes (RFC 7239 6)

struct Node {
    enum class Kind : std::uint8_t { Malformed, Hidden, Known };

    Kind kind = Kind::Malformed;
    IpAddress address{};
    std::uint16_t port = 0;
};

std::optional<std::uint16_t> parse_port(std::string_view text) {
    std::uint16_t port = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    const bool whole = !text.empty() && error == std::errc{} && end == text.data() + text.size();
    return whole && port != 0 ? std::optional(port) : std::nullopt;
}

// `address` is the text in front of an optional ":port". The port may be hidden by an obfuscated name.
Node known_node(std::string_view address, std::string_view port_text) {
    const auto parsed = config::parse_ip_address(address);
    const bool has_port = !port_text.empty();
    const bool hidden_port = port_text.starts_with(":_");
    const auto port = has_port && !hidden_port ? parse_port(port_text.substr(1)) : std::optional<std::uint16_t>(0);
    if (!parsed || !port || (has_port && port_text.front() != ':')) {
        return {};
    }
    return {Node::Kind::Known, *parsed, *port};
}

// "192.0.2.1", "192.0.2.1:4711", "[2001:db8::1]:4711", and "2001:db8::1" as X-Forwarded-For has it.
Node parse_node(std::string_view text) {
    const auto colon = text.find(':');
    if (text.starts_with('_') || equal_ignoring_case(text.substr(0, colon), "unknown")) {
        return {.kind = Node::Kind::Hidden};
    }
    if (text.starts_with('[')) {
        const auto end = text.find(']');
        const std::string_view inside = text.substr(1, end == text.npos ? 0 : end - 1);
        return inside.find(':') == inside.npos ? Node{} : known_node(inside, text.substr(end + 1));
    }
    const bool bare_v6 = colon != text.npos && text.find(':', colon + 1) != text.npos;
    return bare_v6 || colon == text.npos ? known_node(text, {}) : known_node(text.substr(0, colon), text.substr(colon));
}

// One step from the right to the left. False: the walk ends here.
bool step(const Node& node, const config::TrustedPeers& trusted, ForwardedOrigin& origin) {
    if (node.kind == Node::Kind::Hidden) {
        origin.client_address = std::string();
        origin.client_port = 0;
        return false;
    }
    origin.client_address = config::to_string(node.address);
    origin.client_port = node.port;
    return trusted.trusts(node.address);
}

// ---- the X-Forwarded- family

// Calls `visit` with each element of the header's lists, from the right, until it returns false. Empty ones do not
// count (RFC 9110 5.6.1).
template <class Visit>
void visit_from_the_right(const RequestHead& head, std::string_view name, Visit visit) {
    for (auto field = head.headers.rbegin(); field != head.headers.rend(); ++field) {
        if (field->name != name) {
            continue;
        }
        std::string_view rest = field->value;
        while (!rest.empty()) {
            const auto comma = rest.rfind(',');
            const std::string_view element = trim(comma == rest.npos ? rest : rest.substr(comma + 1));
            if (!element.empty() && !visit(element)) {
                return;
            }
            rest = rest.substr(0, comma == rest.npos ? 0 : comma);
        }
    }
}

std::string_view last_value(const RequestHead& head, std::string_view name) {
    std::string_view last;
    visit_from_the_right(head, name, [&](std::string_view element) {
        last = element;
        return false;
    });
    return last;
}

Refusal read_x_forwarded(const RequestHead& head, const config::TrustedPeers& trusted, ForwardedOrigin& origin,
                         Said& said) {
    Refusal refusal{};
    visit_from_the_right(head, "x-forwarded-for", [&](std::string_view element) {
        const Node node = parse_node(element);
        if (node.kind == Node::Kind::Malformed) {
            refusal = kBadFor;
            return false;
        }
        return step(node, trusted, origin);
    });
    said = {.scheme = last_value(head, "x-forwarded-proto"),
            .host = last_value(head, "x-forwarded-host"),
            .port = last_value(head, "x-forwarded-port")};
    return refusal;
}

// ---- Forwarded (RFC 7239 4)

struct Entry {
    std::string node;
    std::string scheme;
    std::string host;
};

// Reads one header line from left to right: a quote that a client opens could otherwise swallow what the proxy appended
// behind it; so it makes the line malformed.
class ForwardedLine {
  public:
    explicit ForwardedLine(std::string_view text) : rest_(text) {}

    // Appends the line's entries. False: it is malformed.
    [[nodiscard]] bool read(std::vector<Entry>& entries) {
        bool more = true;
        while (more) {
            Entry entry;
            bool empty = true;
            do {
                skip_blanks();
                if (at_separator()) {
                    continue;  // an empty pair or entry
                }
                empty = false;
                if (!read_pair(entry)) {
                    return false;
                }
                skip_blanks();
            } while (skip(';'));
            if (!empty) {
                entries.push_back(std::move(entry));
            }
            more = skip(',');
        }
        return rest_.empty();
    }

  private:
    void skip_blanks() { rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t"), rest_.size())); }

    [[nodiscard]] bool at_separator() const { return rest_.empty() || rest_.front() == ';' || rest_.front() == ','; }

    bool skip(char wanted) {
        const bool there = rest_.starts_with(wanted);
        rest_.remove_prefix(there ? 1 : 0);
        return there;
    }

    template <class Belongs>
    std::string_view take_while(Belongs belongs) {
        const auto end = std::find_if_not(rest_.begin(), rest_.end(), belongs);
        const std::string_view taken = rest_.substr(0, static_cast<std::size_t>(end - rest_.begin()));
        rest_.remove_prefix(taken.size());
        return taken;
    }

    bool read_pair(Entry& entry) {
        const std::string_view name = take_while([](char c) { return is(characters::kToken, c); });
        std::string value;
        if (name.empty() || !skip('=') || !(skip('"') ? read_quoted(value) : read_plain(value)) || value.empty()) {
            return false;
        }
        std::string* place = nullptr;
        if (equal_ignoring_case(name, "for")) {
            place = &entry.node;
        } else if (equal_ignoring_case(name, "proto")) {
            place = &entry.scheme;
        } else if (equal_ignoring_case(name, "host")) {
            place = &entry.host;
        } else {
            return true;  // "by", and what others invent
        }
        const bool first = place->empty();
        *place = std::move(value);
        return first;
    }

    // A token; many proxies forget the quotes that an address with a port needs.
    bool read_plain(std::string& value) {
        value = take_while([](char c) { return is(characters::kToken, c) || c == ':' || c == '[' || c == ']'; });
        return true;
    }

    bool read_quoted(std::string& value) {
        while (!rest_.empty()) {
            char c = rest_.front();
            rest_.remove_prefix(1);
            if (c == '"') {
                return true;
            }
            if (c == '\\') {
                if (rest_.empty()) {
                    return false;
                }
                c = rest_.front();
                rest_.remove_prefix(1);
            }
            value += c;
        }
        return false;
    }

    std::string_view rest_;
};

Refusal read_standard(const RequestHead& head, const config::TrustedPeers& trusted, ForwardedOrigin& origin,
                      Entry& chosen) {
    std::vector<Entry> entries;
    for (const HeaderField& field : head.headers) {
        if (field.known == ipc::KnownHeader::Forwarded && !ForwardedLine(field.value).read(entries)) {
            return kBadForwarded;
        }
    }
    bool more = true;
    while (more && !entries.empty()) {
        chosen = std::move(entries.back());
        entries.pop_back();
        more = false;
        if (!chosen.node.empty()) {
            const Node node = parse_node(chosen.node);
            if (node.kind == Node::Kind::Malformed) {
                return kBadForwarded;
            }
            more = step(node, trusted, origin);
        }
    }
    return {};
}

// ---- scheme, host and port together

// The port of "host:port"; empty if there is none.
std::string_view port_of(std::string_view host) {
    const auto colon = host.rfind(':');
    const auto bracket = host.rfind(']');
    const bool has_port = colon != host.npos && (bracket == host.npos || bracket < colon);
    return has_port ? host.substr(colon + 1) : std::string_view();
}

// Keeps "host:" without its colon.
std::string_view name_of(std::string_view host) {
    const auto colon = host.rfind(':');
    const auto bracket = host.rfind(']');
    return colon == host.npos || (bracket != host.npos && bracket > colon) ? host : host.substr(0, colon);
}

Refusal set_scheme(std::string_view text, ForwardedOrigin& origin) {
    if (equal_ignoring_case(text, "https") || equal_ignoring_case(text, "wss")) {
        origin.https = true;
    } else if (equal_ignoring_case(text, "http") || equal_ignoring_case(text, "ws")) {
        origin.https = false;
    } else {
        return kBadProto;
    }
    return {};
}

Refusal set_server(const Said& said, std::string_view host_header, bool https, ForwardedOrigin& origin) {
    if (!said.scheme.empty()) {
        if (const Refusal refusal = set_scheme(said.scheme, origin); refusal.status != 0) {
            return refusal;
        }
    }
    if (said.host.size() > kMaxHost || said.host.starts_with(':') || !valid_host(said.host)) {
        return kBadHost;
    }
    const auto said_port = parse_port(said.port);
    if (!said.port.empty() && !said_port) {
        return kBadPort;
    }
    if (!origin.https && said.host.empty() && !said_port) {
        return {};
    }
    const std::string_view host = said.host.empty() ? host_header : said.host;
    const std::uint16_t usual_port = origin.https.value_or(https) ? kHttpsPort : kHttpPort;
    const auto host_port = parse_port(port_of(host));
    origin.server_name = name_of(host);
    origin.server_port = said_port.value_or(host_port.value_or(usual_port));
    origin.host = said.host;
    if (!host.empty() && !host_port && said_port && *said_port != usual_port) {
        origin.host = fmt::format("{}:{}", origin.server_name, *said_port);
    }
    return {};
}

bool is_forwarding_header(const HeaderField& field, ForwardedHeaders keep) {
    if (field.known == ipc::KnownHeader::Forwarded) {
        return keep != ForwardedHeaders::Forwarded;
    }
    const bool family = field.name.starts_with("x-forwarded-") || field.known == ipc::KnownHeader::XRealIp;
    return family && keep != ForwardedHeaders::XForwarded;
}

}  // namespace

std::variant<ForwardedOrigin, Refusal> read_forwarded(const RequestHead& head, ForwardedHeaders family,
                                                      const config::TrustedPeers& trusted, bool https) {
    ForwardedOrigin origin;
    Said said;
    Entry chosen;
    Refusal refusal{};
    if (family == ForwardedHeaders::XForwarded) {
        refusal = read_x_forwarded(head, trusted, origin, said);
    } else {
        refusal = read_standard(head, trusted, origin, chosen);
        said = {.scheme = chosen.scheme, .host = chosen.host, .port = {}};
    }
    if (refusal.status == 0) {
        refusal = set_server(said, head.find(ipc::KnownHeader::Host).value_or(std::string_view()), https, origin);
    }
    if (refusal.status != 0) {
        return refusal;
    }
    return origin;
}

void set_host(RequestHead& head, std::string_view host) {
    const auto found = std::find_if(head.headers.begin(), head.headers.end(),
                                    [](const HeaderField& field) { return field.known == ipc::KnownHeader::Host; });
    if (found != head.headers.end()) {
        found->value = host;
    } else {
        head.headers.push_back({.name = "host", .value = host, .known = ipc::KnownHeader::Host});
    }
}

void remove_forwarding_headers(RequestHead& head, ForwardedHeaders keep) {
    std::erase_if(head.headers, [&](const HeaderField& field) { return is_forwarding_header(field, keep); });
}

}  // namespace fettle::http

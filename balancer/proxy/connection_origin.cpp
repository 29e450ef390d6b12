// Connection: who speaks to whom, as far as proxies in front are believed.
#include "balancer/proxy/clients.h"
#include "balancer/proxy/connection.h"

#include <utility>

namespace fettle::balancer {

namespace {

Address to_address(const http::ProxyHeader::Endpoint& endpoint) {
    return {.host = config::to_string(endpoint.address), .port = endpoint.port, .is_unix = false};
}

}  // namespace

std::string_view Connection::client_name() const {
    const std::string& address = client_address();
    if (!address.empty()) {
        return address;
    }
    return client_.is_unix ? "unix" : "hidden";
}

const std::string& Connection::client_address() const {
    return origin_ && origin_->client_address ? *origin_->client_address : client_.host;
}

bool Connection::trusts(const Address& address) const {
    if (address.is_unix) {
        return clients_.trusted_peers().trusts_unix();
    }
    const auto parsed = config::parse_ip_address(address.host);
    return parsed && clients_.trusted_peers().trusts(*parsed);
}

// An Error: nobody may come directly, and this peer does.
Result<void> Connection::prepare_origin() {
    const config::Http& settings = clients_.config().http;
    const bool wants_proxy_header = settings.proxy_protocol == config::ProxyProtocol::Require;
    if (settings.forwarded != config::ForwardedHeaders::Off || wants_proxy_header) {
        trusted_ = trusts(client_);
    }
    if (!wants_proxy_header) {
        return {};
    }
    if (!trusted_) {
        return Error{"http.proxy_protocol is \"require\", and the peer is none of http.trusted_proxies"};
    }
    proxy_header_ = std::make_unique<http::ProxyHeaderParser>();
    return {};
}

// Returns what follows the header; nothing if it is not complete yet, or the connection is closed because of it.
std::span<const std::byte> Connection::receive_proxy_header(std::span<const std::byte> bytes) {
    const http::ProxyHeaderParser::Step step = proxy_header_->feed(bytes);
    switch (step.event) {
        case http::ProxyHeaderParser::Event::NeedMore:
            return {};
        case http::ProxyHeaderParser::Event::Complete:
            take_proxy_header(proxy_header_->header());
            proxy_header_.reset();
            return bytes.subspan(step.consumed);
        case http::ProxyHeaderParser::Event::Refused:
            refuse_proxy_header(proxy_header_->refusal());
            return {};
    }
    return {};
}

// Without addresses, the connection's own count, as the protocol wants it; but whoever is behind them is not the proxy
// that we trust.
void Connection::take_proxy_header(const http::ProxyHeader& header) {
    tls_ = header.tls;
    trusted_ = false;
    if (header.client && header.server) {
        client_ = to_address(*header.client);
        proxied_server_ = std::make_unique<const Address>(to_address(*header.server));
        server_ = proxied_server_.get();
        trusted_ = trusts(client_);
    }
}

void Connection::refuse_proxy_header(std::string_view reason) {
    clients_.limited_log().warning(clients_.now(),
                                   "connection closed because of its PROXY header reason='{}' client={}, see "
                                   "http.proxy_protocol",
                                   reason, client_name());
    close();
}

// False: the request is answered because of them.
bool Connection::read_forwarding_headers() {
    const config::ForwardedHeaders family = clients_.config().http.forwarded;
    if (family == config::ForwardedHeaders::Off) {
        return true;
    }
    http::RequestHead& head = parser_->head();
    if (!trusted_) {
        http::remove_forwarding_headers(head, config::ForwardedHeaders::Off);
        return true;
    }
    auto read = http::read_forwarded(head, family, clients_.trusted_peers(), tls_);
    if (const auto* refusal = std::get_if<http::Refusal>(&read)) {
        answer({.status = refusal->status, .reason = refusal->reason, .detail = refusal->reason});
        return false;
    }
    origin_ = std::move(std::get<http::ForwardedOrigin>(read));
    http::remove_forwarding_headers(head, family);
    if (!origin_->host.empty()) {
        http::set_host(head, origin_->host);
    }
    return true;
}

http::RequestContext Connection::request_context() const {
    http::RequestContext context{
            .client_address = client_address(),
            .server_name = server_->host,
            .request_id = request_id_,
            .client_port = client_.port,
            .server_port = server_->port,
            .https = tls_,
    };
    if (!origin_) {
        return context;
    }
    context.https = origin_->https.value_or(tls_);
    if (origin_->client_address) {
        context.client_port = origin_->client_port;
    }
    if (origin_->server_port != 0) {
        context.server_name = origin_->server_name.empty() ? std::string_view(server_->host) : origin_->server_name;
        context.server_port = origin_->server_port;
    }
    return context;
}

}  // namespace fettle::balancer

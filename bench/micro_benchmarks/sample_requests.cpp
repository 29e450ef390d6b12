#include "bench/micro_benchmarks/sample_requests.h"

#include "base/assert.h"
#include "config/schema.h"
#include "ipc/response_record.h"

#include <cstring>

namespace fettle::micro {

namespace {

constexpr std::string_view kWrkRequest = "GET / HTTP/1.1\r\nHost: 127.0.0.1:8000\r\n\r\n";
static_assert(kWrkRequest.size() == 40);

constexpr std::string_view kBrowserRequest =
        "GET /shop/cart?item=42 HTTP/1.1\r\n"
        "Host: shop.example.org\r\n"
        "Connection: keep-alive\r\n"
        "Cache-Control: max-age=0\r\n"
        "Upgrade-Insecure-Requests: 1\r\n"
        "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n"
        "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n"
        "Sec-Fetch-Site: same-origin\r\n"
        "Sec-Fetch-Mode: navigate\r\n"
        "Referer: https://shop.example.org/shop/list?page=3\r\n"
        "Accept-Encoding: gzip, deflate, br\r\n"
        "Accept-Language: en-US,en;q=0.5\r\n"
        "Cookie: session=0123456789abcdef0123456789abcdef; theme=dim; lang=en; v=1\r\n\r\n";
static_assert(kBrowserRequest.size() == 547);

}  // namespace

std::string_view wrk_request() {
    return kWrkRequest;
}

std::string_view browser_request() {
    return kBrowserRequest;
}

std::string_view upload_request() {
    static const std::string wire =
            "POST /echo HTTP/1.1\r\nHost: 127.0.0.1:8000\r\nContent-Length: 10240\r\n\r\n" + std::string(10240, 'b');
    return wire;
}

http::RequestContext sample_context() {
    return {.client_address = "127.0.0.1",
            .server_name = "127.0.0.1",
            .request_id = "0123456789abcdef",
            .client_port = 50000,
            .server_port = 8000};
}

void parse(http::RequestParser& parser, std::string_view wire) {
    auto rest = std::as_bytes(std::span(wire));
    auto event = http::RequestParser::Event::NeedMore;
    while (event != http::RequestParser::Event::MessageComplete) {
        const auto step = parser.feed(rest);
        rest = rest.subspan(step.consumed);
        event = step.event;
        FETTLE_ASSERT(event != http::RequestParser::Event::Refused && event != http::RequestParser::Event::NeedMore,
                      "the sample is a whole, valid request");
    }
}

std::vector<std::byte> make_request_record(std::string_view wire) {
    http::RequestParser parser{config::Http{}};
    parse(parser, wire);
    const auto body = static_cast<std::uint32_t>(parser.body_bytes());
    std::vector<std::byte> record(http::encoded_bytes(parser.head(), sample_context(), body));
    const http::EncodedRequest encoded = http::encode(record, parser.head(), sample_context(), body, body);
    if (body > 0) {
        std::memcpy(encoded.body.data(), wire.data() + wire.size() - body, body);
    }
    return record;
}

Headers one_header() {
    return {{"Content-Type", "text/plain; charset=utf-8"}};
}

Headers six_headers() {
    return {{"Content-Type", "text/html; charset=utf-8"},
            {"X-Frame-Options", "DENY"},
            {"X-Content-Type-Options", "nosniff"},
            {"Referrer-Policy", "same-origin"},
            {"Vary", "Cookie"},
            {"Set-Cookie", "session=0123456789abcdef0123456789abcdef; HttpOnly; Path=/; SameSite=Lax"}};
}

std::vector<std::byte> make_response_record(const Headers& headers, std::size_t body_bytes) {
    std::string text = "OK";
    std::vector<ipc::HeaderSize> sizes;
    for (const auto& [name, value] : headers) {
        sizes.push_back({static_cast<std::uint32_t>(name.size()), static_cast<std::uint32_t>(value.size())});
        text += name + value;
    }
    const ipc::ResponseRecord fixed{.status = 200,
                                    .header_count = static_cast<std::uint16_t>(headers.size()),
                                    .reason_bytes = 2,
                                    .headers_bytes = static_cast<std::uint32_t>(text.size() - 2),
                                    .body_bytes = static_cast<std::uint32_t>(body_bytes)};
    text.append(body_bytes, 'x');
    const std::size_t table = sizes.size() * sizeof(ipc::HeaderSize);
    std::vector<std::byte> record(sizeof(fixed) + table + text.size());
    std::memcpy(record.data(), &fixed, sizeof(fixed));
    std::memcpy(record.data() + sizeof(fixed), sizes.data(), table);
    std::memcpy(record.data() + sizeof(fixed) + table, text.data(), text.size());
    return record;
}

}  // namespace fettle::micro

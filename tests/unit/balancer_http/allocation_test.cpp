// The path of a request through this folder does not allocate once its buffers have grown.
#include "balancer/http/access_log.h"
#include "balancer/http/request_encoder.h"
#include "balancer/http/request_parser.h"
#include "balancer/http/response_writer.h"
#include "tests/support/allocations.h"

#include <catch2/catch.hpp>

#include <array>
#include <cstring>

namespace fettle::http {

namespace {

constexpr std::string_view kWire =
        "POST /shop/cart?item=42 HTTP/1.1\r\nHost: example.org\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\n"
        "Accept: text/html,application/xhtml+xml\r\nAccept-Language: en\r\nCookie: "
        "session=0123456789abcdef0123456789abcdef\r\n"
        "X-Own-Header-Of-A-Proxy: something\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";

// A response record without a body: 200 OK, Content-Type: text/html.
std::array<std::byte, 64> make_record(std::size_t& bytes) {
    constexpr std::string_view kText = "OKContent-Typetext/html";
    const ipc::ResponseRecord fixed{.status = 200, .header_count = 1, .reason_bytes = 2, .headers_bytes = 21};
    const ipc::HeaderSize size{.name = 12, .value = 9};
    std::array<std::byte, 64> record{};
    std::memcpy(record.data(), &fixed, sizeof fixed);
    std::memcpy(record.data() + sizeof fixed, &size, sizeof size);
    std::memcpy(record.data() + sizeof fixed + sizeof size, kText.data(), kText.size());
    bytes = sizeof fixed + sizeof size + kText.size();
    return record;
}

}  // namespace

TEST_CASE("serving a second request on a connection allocates nothing", "[allocation]") {
    RequestParser parser{config::Http{}};
    const auto format = AccessFormat::compile(config::Log{}.access_format);
    REQUIRE(format);
    std::array<std::byte, 4096> space{};
    std::string wire;
    std::string line;
    std::size_t record_bytes = 0;
    const auto record = make_record(record_bytes);
    const auto serve = [&] {
        auto rest = std::as_bytes(std::span(kWire));
        auto event = RequestParser::Event::NeedMore;
        while (event != RequestParser::Event::MessageComplete) {
            const auto step = parser.feed(rest);
            rest = rest.subspan(step.consumed);
            event = step.event;
            if (event == RequestParser::Event::Refused) {
                return false;
            }
        }
        const auto encoded = encode(space, parser.head(), {.server_name = "127.0.0.1"}, 5, 5);
        wire.clear();
        const auto reader = ipc::ResponseReader::parse(std::span(record).first(record_bytes));
        if (!reader) {
            return false;
        }
        auto start = write_response_head(*reader, true, {.date = "now", .server = "fettle", .keep_alive = true}, wire);
        line.clear();
        format->write({.head = &parser.head(), .status = 200}, line);
        return encoded.bytes != 0 && start.has_value() && start->framer.frame(start->body, true).bytes() == 0;
    };
    REQUIRE(serve());
    REQUIRE(serve());

    const std::size_t before = test::allocations();
    const bool served = serve();
    const std::size_t after = test::allocations();

    CHECK(served);
    CHECK(after - before == 0);
    CHECK(before > 0);  // the counter counts
}

}  // namespace fettle::http

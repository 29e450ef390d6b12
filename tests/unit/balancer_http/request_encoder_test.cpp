#include "balancer/http/request_encoder.h"

#include <catch2/catch.hpp>

#include <cstring>
#include <string>

namespace fettle::http {

namespace {

// Feeds one head to `parser`.
const RequestHead& parse(RequestParser& parser, std::string_view wire) {
    REQUIRE(parser.feed(std::as_bytes(std::span(wire))).event == RequestParser::Event::HeadComplete);
    return parser.head();
}

const RequestContext kContext{.client_address = "192.0.2.7",
                              .server_name = "127.0.0.1",
                              .request_id = "0123456789abcdef",
                              .client_port = 40000,
                              .server_port = 8000,
                              .https = true};

std::vector<std::byte> record_of(const RequestHead& head, const RequestContext& context, std::uint64_t body_length,
                                 std::string_view body) {
    std::vector<std::byte> space(encoded_bytes(head, context, static_cast<std::uint32_t>(body.size())));
    const EncodedRequest encoded = encode(space, head, context, body_length, static_cast<std::uint32_t>(body.size()));
    CHECK(encoded.bytes == space.size());
    REQUIRE(encoded.body.size() == body.size());
    std::copy_n(std::as_bytes(std::span(body)).begin(), body.size(), encoded.body.begin());
    return space;
}

}  // namespace

TEST_CASE("a worker reads every value of the request it was sent", "[encoder]") {
    RequestParser parser{config::Http{}};
    const RequestHead& head =
            parse(parser,
                  "POST /a%20b?c=d HTTP/1.1\r\nHost: h\r\nX-Own: 1\r\nCookie:\r\nExpect: 100-continue\r\n"
                  "Content-Length: 70000\r\n\r\n");

    const auto space = record_of(head, kContext, 70000, "first piece");

    const ipc::RequestView view(space);
    REQUIRE(view.valid());
    const ipc::RequestRecord& record = view.record();
    CHECK(record.total_bytes == space.size());
    CHECK(view.text(record.method) == "POST");
    CHECK(view.text(record.path) == "/a%20b");
    CHECK(view.text(record.query) == "c=d");
    CHECK(view.text(record.client_address) == "192.0.2.7");
    CHECK(view.text(record.server_name) == "127.0.0.1");
    CHECK(view.text(record.request_id) == "0123456789abcdef");
    CHECK(view.text(record.body) == "first piece");
    CHECK(record.body_length == 70000);
    CHECK(record.client_port == 40000);
    CHECK(record.server_port == 8000);
    CHECK(record.https == 1);
    CHECK(record.http_minor == 1);
    CHECK(record.expects_continue == 1);
    REQUIRE(view.headers().size() == head.headers.size());
    for (std::size_t i = 0; i < head.headers.size(); ++i) {
        const ipc::HeaderEntry& entry = view.headers()[i];
        CHECK(view.text(entry.name) == head.headers[i].name);
        CHECK(view.text(entry.value) == head.headers[i].value);
        CHECK(entry.known == static_cast<std::uint16_t>(head.headers[i].known));
    }
}

TEST_CASE("what a request does not have is empty in its record", "[encoder]") {
    RequestParser parser{config::Http{}};
    const RequestHead& head = parse(parser, "GET / HTTP/1.0\r\n\r\n");

    const auto space = record_of(head, {.server_name = "/run/app.sock", .request_id = "x"}, 0, "");

    const ipc::RequestView view(space);
    REQUIRE(view.valid());
    CHECK(view.headers().empty());
    CHECK(view.text(view.record().query).empty());
    CHECK(view.text(view.record().client_address).empty());
    CHECK(view.text(view.record().body).empty());
    CHECK(view.record().http_minor == 0);
    CHECK(view.record().https == 0);
    CHECK(view.record().expects_continue == 0);
    CHECK(view.record().server_port == 0);
}

TEST_CASE("a client's request id is taken only if it is harmless", "[encoder]") {
    CHECK(valid_request_id("550e8400-e29b-41d4-a716-446655440000"));
    CHECK(valid_request_id("Root=1-67891233-abcdef012345678912345678"));
    CHECK(valid_request_id(std::string(kMaxRequestId, 'a')));
    CHECK_FALSE(valid_request_id(""));
    CHECK_FALSE(valid_request_id(std::string(kMaxRequestId + 1, 'a')));
    for (const std::string_view id : {"a b", "a\"b", "a\\b", "a\nb", "a;b", "a<b", "\xc3\xa4"}) {
        INFO(id);
        CHECK_FALSE(valid_request_id(id));
    }
}

}  // namespace fettle::http

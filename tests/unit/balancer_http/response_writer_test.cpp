#include "balancer/http/response_writer.h"

#include <catch2/catch.hpp>

#include <array>
#include <cstring>
#include <utility>
#include <vector>

namespace fettle::http {

namespace {

using namespace std::string_literals;

constexpr std::string_view kDate = "Sun, 06 Nov 1994 08:49:37 GMT";

struct Response {
    std::uint16_t status = 200;
    std::string reason = "OK";
    std::vector<std::pair<std::string, std::string>> headers{};
    std::string body{};
    bool last = true;
};

// The record as a worker writes it (ipc/response_record.h).
std::vector<std::byte> record(const Response& response) {
    ipc::ResponseRecord fixed;
    fixed.status = response.status;
    fixed.header_count = static_cast<std::uint16_t>(response.headers.size());
    fixed.reason_bytes = static_cast<std::uint32_t>(response.reason.size());
    fixed.body_bytes = static_cast<std::uint32_t>(response.body.size());
    std::string sizes;
    std::string texts = response.reason;
    for (const auto& [name, value] : response.headers) {
        const ipc::HeaderSize size{static_cast<std::uint32_t>(name.size()), static_cast<std::uint32_t>(value.size())};
        sizes.append(reinterpret_cast<const char*>(&size), sizeof size);
        texts += name + value;
        fixed.headers_bytes += size.name + size.value;
    }
    const std::string all =
            std::string(reinterpret_cast<const char*>(&fixed), sizeof fixed) + sizes + texts + response.body;
    std::vector<std::byte> bytes(all.size());
    std::memcpy(bytes.data(), all.data(), all.size());
    return bytes;
}

struct Written {
    std::string wire;
    std::string error;
    std::optional<ResponseStart> start;
    std::vector<std::byte> memory;  // start->body points into it
};

Written write(const Response& response, ResponseContext context = {.keep_alive = true}) {
    Written written{.wire = "before", .error = {}, .start = {}, .memory = record(response)};
    context.date = kDate;
    const auto reader = ipc::ResponseReader::parse(written.memory);
    REQUIRE(reader.has_value());
    auto result = write_response_head(*reader, response.last, context, written.wire);
    REQUIRE(written.wire.substr(0, 6) == "before");
    written.wire.erase(0, 6);
    if (result) {
        written.start = *result;
    } else {
        CHECK(written.wire.empty());  // nothing half-written
        written.error = result.error().what;
    }
    return written;
}

std::string body_of(const Written& written) {
    return {reinterpret_cast<const char*>(written.start->body.data()), written.start->body.size()};
}

const std::string kTail = "Date: " + std::string(kDate) + "\r\n\r\n";

}  // namespace

TEST_CASE("a whole response gets its length, the date and nothing else", "[response]") {
    const Written written = write({.headers = {{"Content-Type", "text/plain"}, {"X", ""}}, .body = "hello"});

    CHECK(written.wire == "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nX: \r\nContent-Length: 5\r\n" + kTail);
    REQUIRE(written.start);
    CHECK(written.start->status == 200);
    CHECK(written.start->keep_alive);
    CHECK(written.start->framer.framing() == Framing::Length);
    CHECK(body_of(written) == "hello");
}

TEST_CASE("a declared length is sent as a number of ours", "[response]") {
    const Written written = write({.headers = {{"content-length", " 007\t"}}, .body = "abc", .last = false});

    CHECK(written.wire == "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n" + kTail);
    CHECK(written.start->framer.framing() == Framing::Length);
}

TEST_CASE("a response without a known length is chunked for HTTP/1.1 and ends with the connection for HTTP/1.0",
          "[response]") {
    const Response streamed{.body = "abc", .last = false};

    const Written chunked = write(streamed);
    const Written closing = write(streamed, {.http_minor = 0, .keep_alive = true});

    CHECK(chunked.wire == "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n" + kTail);
    CHECK(chunked.start->keep_alive);
    CHECK(closing.wire == "HTTP/1.1 200 OK\r\nDate: " + std::string(kDate) + "\r\nConnection: close\r\n\r\n");
    CHECK_FALSE(closing.start->keep_alive);
    CHECK(closing.start->framer.framing() == Framing::Close);
}

TEST_CASE("the connection header says what the connection will do", "[response]") {
    const auto connection = [](std::uint8_t minor, bool keep_alive) {
        const Written written = write({}, {.http_minor = minor, .keep_alive = keep_alive});
        CHECK(written.start->keep_alive == keep_alive);
        const auto at = written.wire.find("Connection: ");
        return at == std::string::npos ? std::string()
                                       : written.wire.substr(at + 12, written.wire.find('\r', at) - at - 12);
    };

    CHECK(connection(1, true).empty());
    CHECK(connection(1, false) == "close");
    CHECK(connection(0, true) == "keep-alive");
    CHECK(connection(0, false) == "close");
}

TEST_CASE("HEAD, 204 and 304 have no body, whatever the application gives", "[response]") {
    const Written head =
            write({.headers = {{"Content-Length", "9"}}, .body = "abc"}, {.head_request = true, .keep_alive = true});
    const Written head_unknown = write({.body = "abc"}, {.head_request = true, .keep_alive = true});
    const Written no_content =
            write({.status = 204, .reason = "No Content", .headers = {{"Content-Length", "0"}}, .body = "abc"});
    const Written not_modified =
            write({.status = 304, .reason = "Not Modified", .headers = {{"Content-Length", "9"}}, .last = false});

    CHECK(head.wire == "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n" + kTail);
    CHECK(head_unknown.wire == "HTTP/1.1 200 OK\r\n" + kTail);
    CHECK(no_content.wire == "HTTP/1.1 204 No Content\r\n" + kTail);
    CHECK(not_modified.wire == "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n" + kTail);
    for (const Written* written : {&head, &head_unknown, &no_content, &not_modified}) {
        BodyFramer framer = written->start->framer;
        CHECK(framer.frame(written->start->body, true).bytes() == 0);
        CHECK(framer.complete());
        CHECK_FALSE(framer.too_long());
        CHECK(written->start->keep_alive);
    }
}

TEST_CASE("the application's own Date and Server are kept", "[response]") {
    const Written ours = write({}, {.server = "fettle", .keep_alive = true});
    const Written theirs =
            write({.headers = {{"SERVER", "theirs"}, {"date", "then"}}}, {.server = "fettle", .keep_alive = true});

    CHECK(ours.wire ==
          "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nDate: " + std::string(kDate) + "\r\nServer: fettle\r\n\r\n");
    CHECK(theirs.wire == "HTTP/1.1 200 OK\r\nSERVER: theirs\r\ndate: then\r\nContent-Length: 0\r\n\r\n");
}

TEST_CASE("what HTTP allows in a head passes unchanged", "[response]") {
    const Written written = write(
            {.status = 599, .reason = "", .headers = {{"Set-Cookie", "a=\"b\"\t; \xc3\xa4"}, {"Set-Cookie", "c"}}});

    CHECK(written.wire ==
          "HTTP/1.1 599 \r\nSet-Cookie: a=\"b\"\t; \xc3\xa4\r\nSet-Cookie: c\r\nContent-Length: 0\r\n" + kTail);
}

TEST_CASE("a head that breaks the protocol is refused with its reason and leaves no bytes", "[response]") {
    struct Bad {
        Response response;
        std::string reason;
    };

    const auto with = [](std::string name, std::string value) {
        return Response{.headers = {{"A", "b"}, {std::move(name), std::move(value)}}};
    };
    const std::vector<Bad> bad{
            {{.status = 199}, "status 199"},
            {{.status = 101, .reason = "Switching Protocols"}, "status 101"},
            {{.status = 600}, "status 600"},
            {{.status = 0}, "status 0"},
            {{.reason = "OK\r\nX: y"},
             R"('OK\x0d\x0aX: y')"
             " holds control characters"},
            {{.reason = "OK\0"s}, "holds control characters"},
            {with("", "b"), "named ''"},
            {with("A B", "c"), "named 'A B'"},
            {with("A:", "c"), "named 'A:'"},
            {with("A\r\nX", "c"), R"(named 'A\x0d\x0aX')"},
            {with("\xc3\xa4", "c"), R"(named '\xc3\xa4')"},
            {with("A", "b\r\nX: y"), "header 'A' holds control characters"},
            {with("A", "b\nc"), "header 'A' holds"},
            {with("A", "b\rc"), "header 'A' holds"},
            {with("A", "\0"s), "header 'A' holds"},
            {with("A", "\x7f"), "header 'A' holds"},
            {with("Connection", "close"), "hop-by-hop header 'Connection'"},
            {with("KEEP-ALIVE", "1"), "hop-by-hop header 'KEEP-ALIVE'"},
            {with("Transfer-Encoding", "chunked"), "hop-by-hop"},
            {with("te", "x"), "hop-by-hop"},
            {with("Trailer", "x"), "hop-by-hop"},
            {with("Trailers", "x"), "hop-by-hop"},
            {with("Upgrade", "x"), "hop-by-hop"},
            {with("Proxy-Authenticate", "x"), "hop-by-hop"},
            {with("proxy-connection", "x"), "hop-by-hop"},
            {with("Content-Length", ""), "Content-Length to ''"},
            {with("Content-Length", "-1"), "Content-Length to '-1'"},
            {with("Content-Length", "+1"), "Content-Length"},
            {with("Content-Length", "1, 1"), "Content-Length"},
            {with("Content-Length", "0x1"), "Content-Length"},
            {with("Content-Length", "18446744073709551616"), "Content-Length"},
            {{.headers = {{"Content-Length", "1"}, {"content-length", "1"}}}, "Content-Length twice"},
            {{.headers = {{"Content-Length", "1"}, {"content-length", "2"}}}, "Content-Length twice"},
    };
    for (const Bad& each : bad) {
        INFO(each.reason);

        const Written written = write(each.response);

        CHECK(written.error.find(each.reason) != std::string::npos);
    }
}

TEST_CASE("a head larger than the limit is refused", "[response]") {
    const std::string half(ipc::kMaxResponseHeadBytes / 2, 'x');

    CHECK(write({.headers = {{"A", half}}}).error.empty());
    CHECK(write({.reason = half, .headers = {{"A", half}}}).error.find("larger than 131072 bytes") !=
          std::string::npos);
}

TEST_CASE("a message about a huge bad name stays short", "[response]") {
    const Written written = write({.headers = {{std::string(10000, ' '), "b"}}});

    CHECK(written.error.size() < 400);
}

TEST_CASE("a record whose header sizes lie is refused", "[response]") {
    std::vector<std::byte> memory = record({.headers = {{"A", "b"}, {"C", "d"}}});
    const ipc::HeaderSize lie{1, 1'000'000};
    std::memcpy(memory.data() + sizeof(ipc::ResponseRecord) + sizeof lie, &lie, sizeof lie);
    std::string wire;

    const auto reader = ipc::ResponseReader::parse(memory);
    REQUIRE(reader);
    const auto result = write_response_head(*reader, true, {.date = kDate}, wire);

    REQUIRE_FALSE(result);
    CHECK(result.error().what.find("damaged") != std::string::npos);
    CHECK(wire.empty());
}

}  // namespace fettle::http

#include "worker/native/lane/response_head.h"

#include "ipc/response_record.h"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

using fettle::ipc::ResponseReader;
using fettle::worker::ResponseHead;
using Fault = ResponseHead::Fault;

namespace {

std::vector<std::byte> record_of(const ResponseHead& head, std::string_view body = "") {
    std::vector<std::byte> record(head.record_bytes());
    head.write(record, static_cast<std::uint32_t>(body.size()));
    const auto bytes = std::as_bytes(std::span(body));
    record.insert(record.end(), bytes.begin(), bytes.end());
    return record;
}

}  // namespace

TEST_CASE("response head: the balancer reads what the application set", "[worker]") {
    ResponseHead sut;
    REQUIRE(sut.set_status("404 Not Found") == Fault::None);
    REQUIRE(sut.add("Content-Type", "text/plain") == Fault::None);
    REQUIRE(sut.add("X-Empty", "") == Fault::None);
    const std::vector<std::byte> record = record_of(sut, "body");

    auto reader = ResponseReader::parse(record);

    REQUIRE(reader.has_value());
    CHECK(reader->status() == 404);
    CHECK(reader->reason() == "Not Found");
    const auto first = reader->next_header();
    REQUIRE(first.has_value());
    CHECK(first->name == "Content-Type");
    CHECK(first->value == "text/plain");
    const auto second = reader->next_header();
    REQUIRE(second.has_value());
    CHECK(second->name == "X-Empty");
    CHECK(second->value.empty());
    CHECK_FALSE(reader->next_header().has_value());
    CHECK(reader->body().size() == 4);
}

TEST_CASE("response head: a status line has a three-digit final code", "[worker]") {
    ResponseHead sut;
    CHECK(sut.set_status("200") == Fault::None);
    CHECK(sut.set_status("200 ") == Fault::None);
    CHECK(sut.set_status("299 \xe9\x74\xe9") == Fault::None);
    CHECK(sut.set_status("") == Fault::StatusForm);
    CHECK(sut.set_status("20") == Fault::StatusForm);
    CHECK(sut.set_status("OK") == Fault::StatusForm);
    CHECK(sut.set_status("2000") == Fault::StatusForm);
    CHECK(sut.set_status("200OK") == Fault::StatusForm);
    CHECK(sut.set_status("100 Continue") == Fault::StatusCode);
    CHECK(sut.set_status("000 Nothing") == Fault::StatusCode);
    CHECK(sut.set_status("600 Odd") == Fault::StatusCode);
    CHECK(sut.set_status("200 OK\r\nX: y") == Fault::ReasonCharacter);
    CHECK_FALSE(sut.is_set());
}

TEST_CASE("response head: names are tokens and values have no control characters", "[worker]") {
    ResponseHead sut;
    REQUIRE(sut.set_status("200 OK") == Fault::None);
    CHECK(sut.add("X-Fine_1!", "tab\tand \xff") == Fault::None);
    CHECK(sut.add("", "x") == Fault::NameForm);
    CHECK(sut.add("X Y", "x") == Fault::NameForm);
    CHECK(sut.add("X:", "x") == Fault::NameForm);
    CHECK(sut.add("X\xe9", "x") == Fault::NameForm);
    CHECK(sut.add("X", "a\r\nSet-Cookie: b") == Fault::ValueCharacter);
    CHECK(sut.add("X", "a\n") == Fault::ValueCharacter);
    CHECK(sut.add("X", std::string_view("a\0b", 3)) == Fault::ValueCharacter);
    CHECK(sut.add("X", "\x7f") == Fault::ValueCharacter);
}

TEST_CASE("response head: what concerns the connection is the server's", "[worker]") {
    ResponseHead sut;
    REQUIRE(sut.set_status("200 OK") == Fault::None);
    const auto* name = GENERATE("Connection", "keep-alive", "TE", "Trailer", "TRANSFER-encoding", "Upgrade",
                                "Proxy-Authenticate", "proxy-connection");
    CHECK(sut.add(name, "x") == Fault::HopByHop);
    CHECK(sut.add("Connection-Time", "x") == Fault::None);
}

TEST_CASE("response head: blanks around a value are not part of it", "[worker]") {
    ResponseHead sut;
    REQUIRE(sut.set_status("200 OK") == Fault::None);
    REQUIRE(sut.add("X", " \t a b \t") == Fault::None);
    const std::vector<std::byte> record = record_of(sut);

    CHECK(ResponseReader::parse(record)->next_header()->value == "a b");
}

TEST_CASE("response head: Content-Length is understood in any case, once, and only as a number", "[worker]") {
    ResponseHead sut;
    REQUIRE(sut.set_status("200 OK") == Fault::None);
    CHECK_FALSE(sut.content_length().has_value());
    SECTION("a number") {
        CHECK(sut.add("CONTENT-length", "18446744073709551615") == Fault::None);
        CHECK(sut.content_length() == 18446744073709551615ULL);
        CHECK(sut.add("Content-Length", "1") == Fault::LengthTwice);
    }
    SECTION("no number") {
        const auto* value = GENERATE("", "x", "-1", "+1", "1 2", "0x10", "18446744073709551616");
        CHECK(sut.add("Content-Length", value) == Fault::LengthForm);
    }
    SECTION("added for the application") {
        CHECK(sut.add_content_length(42));
        CHECK(sut.content_length() == 42);
    }
}

TEST_CASE("response head: it has limits, which the balancer accepts", "[worker]") {
    ResponseHead sut;
    REQUIRE(sut.set_status("200 OK") == Fault::None);
    SECTION("of headers") {
        for (std::uint32_t count = 0; count < fettle::ipc::kMaxResponseHeaders; ++count) {
            REQUIRE(sut.add("X", "y") == Fault::None);
        }
        CHECK(sut.add("X", "y") == Fault::TooLarge);
    }
    SECTION("of bytes") {
        while (sut.add("X", std::string(1000, 'y')) == Fault::None) {
        }
        CHECK(sut.record_bytes() > fettle::ipc::kMaxResponseHeadBytes - 1100);
        CHECK(sut.record_bytes() <= fettle::ipc::kMaxResponseHeadBytes);
    }
    CHECK(ResponseReader::parse(record_of(sut)).has_value());
}

TEST_CASE("response head: 204 and 304 have no body", "[worker]") {
    ResponseHead sut;
    REQUIRE(sut.set_status("204 No Content") == Fault::None);
    CHECK_FALSE(sut.allows_body());
    REQUIRE(sut.set_status("304 Not Modified") == Fault::None);
    CHECK_FALSE(sut.allows_body());
    REQUIRE(sut.set_status("200 OK") == Fault::None);
    CHECK(sut.allows_body());
}

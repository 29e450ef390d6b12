#include "tests/unit/http_cases/case_file.h"

#include <catch2/catch.hpp>

#include <string>

namespace fettle::http::test {

namespace {

using namespace std::string_literals;

const std::string kGood =
        "clause: RFC 9112 3\n"
        "why: first\n"
        "why: second\n"
        "server: small\n"
        "expect: open\n"
        "request: GET /a?b HTTP/1.1\n"
        "field: host: h\n"
        "field: a:\n"
        "body: \\x00\\{3|ab}\n"
        "\n"
        "> GET /a?b HTTP/1.1\\r\\n\n"
        "< 100\n"
        "> \\r\\n\n";

}  // namespace

TEST_CASE("a case file is read to the byte", "[case file]") {
    const Case read = parse_case("folder/name", kGood);

    CHECK(read.name == "folder/name");
    CHECK(read.clause == "RFC 9112 3");
    CHECK(read.why == "first second");
    CHECK(read.ending == Ending::Open);
    CHECK(read.limits.max_headers == 5);
    CHECK(read.wire == "GET /a?b HTTP/1.1\r\n\r\n");
    REQUIRE(read.requests.size() == 1);
    CHECK(read.requests[0].method == "GET");
    CHECK(read.requests[0].target == "/a?b");
    CHECK(read.requests[0].fields == std::vector<std::string>{"host: h", "a: "});
    CHECK(read.requests[0].body == "\0ababab"s);
}

TEST_CASE("escapes stand for the bytes that cannot be seen", "[case file]") {
    CHECK(unescape(R"(a\r\n\t\0\\\xff)") == "a\r\n\t\0\\\xff"s);
    CHECK(unescape(R"(\{3|\r\n}x)") == "\r\n\r\n\r\nx");
    for (const char* wrong : {"\\", "\\q", "\\x", "\\xg1", "\\{3", "\\{x|a}", "a\tb", "\xc3\xa4"}) {
        INFO(wrong);
        CHECK_THROWS(unescape(wrong));
    }
}

TEST_CASE("a case file that lacks something or holds something else is refused", "[case file]") {
    const auto without = [](const std::string& line) {
        std::string text = kGood;
        text.erase(text.find(line), line.size());
        return text;
    };

    CHECK_THROWS(parse_case("n", without("clause: RFC 9112 3\n")));
    CHECK_THROWS(parse_case("n", without("expect: open\n")));
    CHECK_THROWS(parse_case("n", without("request: GET /a?b HTTP/1.1\n")));  // its field belongs to nothing
    CHECK_THROWS(parse_case("n", kGood + "field: a: b\n"));
    CHECK_THROWS(parse_case("n", "colour: red\n" + kGood));
    CHECK_THROWS(parse_case("n", "server: huge\n" + kGood));
}

}  // namespace fettle::http::test

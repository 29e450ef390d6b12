#include "balancer/http/request_parser.h"

#include "tests/unit/balancer_http/parse_wire.h"

#include <catch2/catch.hpp>

#include <array>

namespace fettle::http::test {

namespace {

using namespace std::string_literals;

struct Valid {
    std::string name;
    std::string wire;
    std::string head;  // as describe() writes it
    std::string body{};
    bool keep_alive = true;
    bool expects_continue = false;
};

const std::array kValid{
        Valid{"a request without a body", "GET /a/b HTTP/1.1\r\nHost: example.org\r\n\r\n",
              "GET /a/b HTTP/1.1\nhost: example.org"},
        Valid{"a query", "GET /a?b=c?d&e=%20 HTTP/1.1\r\nHost: h\r\n\r\n", "GET /a?b=c?d&e=%20 HTTP/1.1\nhost: h"},
        Valid{"an empty query", "GET /a? HTTP/1.1\r\nHost: h\r\n\r\n", "GET /a HTTP/1.1\nhost: h"},
        Valid{"one empty line before the request", "\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", "GET / HTTP/1.1\nhost: h"},
        Valid{"blanks around a value", "GET / HTTP/1.1\r\nHost: \t h \t \r\nA:b\r\nC:\r\nD: \t \r\n\r\n",
              "GET / HTTP/1.1\nhost: h\na: b\nc: \nd: "},
        Valid{"blanks and tabs inside a value", get("A: b  c\td\r\n"), "GET / HTTP/1.1\nhost: h\na: b  c\td"},
        Valid{"names in any case", "GET / HTTP/1.1\r\nHOST: h\r\nuSeR-aGeNt: X\r\n\r\n",
              "GET / HTTP/1.1\nhost: h\nuser-agent: X"},
        Valid{"values beyond ASCII", get("A: \xc3\xa4\xff\r\n"), "GET / HTTP/1.1\nhost: h\na: \xc3\xa4\xff"},
        Valid{"repeated headers, in order", get("Cookie: a\r\nB: x\r\nCookie: b\r\n"),
              "GET / HTTP/1.1\nhost: h\ncookie: a\nb: x\ncookie: b"},
        Valid{"a name with '_' is dropped", get("X_Forwarded_For: evil\r\nContent_Length: 7\r\nA: b\r\n_: x\r\n"),
              "GET / HTTP/1.1\nhost: h\na: b"},
        Valid{"a body with its length", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\n\r\nhello world",
              "POST / HTTP/1.1\nhost: h\ncontent-length: 11", "hello world"},
        Valid{"a length of 0", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n",
              "POST / HTTP/1.1\nhost: h\ncontent-length: 0"},
        Valid{"zeros before a length", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 003 \r\n\r\nabc",
              "POST / HTTP/1.1\nhost: h\ncontent-length: 003", "abc"},
        Valid{"a body of GET", get("Content-Length: 2\r\n") + "ab", "GET / HTTP/1.1\nhost: h\ncontent-length: 2", "ab"},
        Valid{"a chunked body",
              "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n006\r\n "
              "world\r\n0\r\n\r\n",
              "POST / HTTP/1.1\nhost: h", "hello world"},
        Valid{"a coding in capitals", get("Transfer-Encoding: CHUNKED\r\n") + "1\r\na\r\n0\r\n\r\n",
              "GET / HTTP/1.1\nhost: h", "a"},
        Valid{"chunk sizes in both cases",
              get("Transfer-Encoding: chunked\r\n") + "a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n",
              "GET / HTTP/1.1\nhost: h", "01234567890123456789"},
        Valid{"chunk extensions and trailers are discarded",
              get("Transfer-Encoding: chunked\r\n") +
                      "5;a;b=c;d=\"e f\"\r\nhello\r\n0;x\r\nX-Sum: 1\r\nHost: evil\r\nY_Z: 2\r\n\r\n",
              "GET / HTTP/1.1\nhost: h", "hello"},
        Valid{"an empty chunked body", get("Transfer-Encoding: chunked\r\n") + "0\r\n\r\n", "GET / HTTP/1.1\nhost: h"},
        Valid{"a chunked body that looks like requests",
              get("Transfer-Encoding: chunked\r\n") + "12\r\nGET / HTTP/1.1\r\n\r\n\r\n0\r\n\r\n",
              "GET / HTTP/1.1\nhost: h", "GET / HTTP/1.1\r\n\r\n"},
        Valid{"HTTP/1.0", "GET / HTTP/1.0\r\n\r\n", "GET / HTTP/1.0", "", false},
        Valid{"HTTP/1.0 that wants to stay", "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n",
              "GET / HTTP/1.0\nconnection: Keep-Alive"},
        Valid{"Connection: close", get("Connection: foo, Close\r\n"), "GET / HTTP/1.1\nhost: h\nconnection: foo, Close",
              "", false},
        Valid{"Connection: close before a tab", get("Connection: x, close\t\r\n"),
              "GET / HTTP/1.1\nhost: h\nconnection: x, close", "", false},
        Valid{"Proxy-Connection is not Connection", get("Proxy-Connection: close\r\n"),
              "GET / HTTP/1.1\nhost: h\nproxy-connection: close"},
        Valid{"a method nobody has registered", "BREW-2 / HTTP/1.1\r\nHost: h\r\n\r\n", "BREW-2 / HTTP/1.1\nhost: h"},
        Valid{"a later minor version", "GET / HTTP/1.2\r\nHost: h\r\n\r\n", "GET / HTTP/1.1\nhost: h"},
        Valid{"expectations with empty members", get("Expect: , 100-continue ,\r\nContent-Length: 1\r\n") + "a",
              "GET / HTTP/1.1\nhost: h\nexpect: , 100-continue ,\ncontent-length: 1", "a", true, true},
        Valid{"an upgrade that is not taken", get("Connection: upgrade\r\nUpgrade: websocket\r\n"),
              "GET / HTTP/1.1\nhost: h\nconnection: upgrade\nupgrade: websocket"},
        Valid{"an upgrade with a body",
              get("Connection: upgrade\r\nUpgrade: h2c\r\nTransfer-Encoding: chunked\r\n") + "1\r\na\r\n0\r\n\r\n",
              "GET / HTTP/1.1\nhost: h\nconnection: upgrade\nupgrade: h2c", "a"},
        Valid{"100-continue", get("Expect: 100-Continue\r\nContent-Length: 1\r\n") + "a",
              "GET / HTTP/1.1\nhost: h\nexpect: 100-Continue\ncontent-length: 1", "a", true, true},
        Valid{"100-continue without a body", get("Expect: 100-continue\r\n"),
              "GET / HTTP/1.1\nhost: h\nexpect: 100-continue"},
        Valid{"100-continue of HTTP/1.0", "POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\na",
              "POST / HTTP/1.0\nexpect: 100-continue\ncontent-length: 1", "a", false},
        Valid{"absolute-form replaces Host", "GET http://a.org:81/p?q HTTP/1.1\r\nHost: b.org\r\nA: b\r\n\r\n",
              "GET /p?q HTTP/1.1\nhost: a.org:81\na: b"},
        Valid{"absolute-form without Host in HTTP/1.0", "GET HTTPS://a.org HTTP/1.0\r\n\r\n",
              "GET / HTTP/1.0\nhost: a.org", "", false},
        Valid{"OPTIONS *", "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", "OPTIONS * HTTP/1.1\nhost: h"},
        Valid{"an empty Host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", "GET / HTTP/1.1\nhost: "},
        Valid{"an IPv6 Host", "GET / HTTP/1.1\r\nHost: [::1]:8000\r\n\r\n", "GET / HTTP/1.1\nhost: [::1]:8000"},
};

struct Malformed {
    std::string name;
    std::string wire;
    std::uint16_t status;
};

std::string chunked(const std::string& body) {
    return get("Transfer-Encoding: chunked\r\n") + body;
}

const std::array kMalformed{
        Malformed{"a TLS greeting", "\x16\x03\x01\x02\x00"s, 400},
        Malformed{"bare LF after the request line", "GET / HTTP/1.1\nHost: h\r\n\r\n", 400},
        Malformed{"bare LF before the request line", "\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", 400},
        Malformed{"two empty lines before the request line", "\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", 400},
        Malformed{"CR inside the request line", "GET /\r HTTP/1.1\r\nHost: h\r\n\r\n", 400},
        Malformed{"NUL in the target", "GET /\0 HTTP/1.1\r\nHost: h\r\n\r\n"s, 400},
        Malformed{"two blanks before the version", "GET /  HTTP/1.1\r\nHost: h\r\n\r\n", 400},
        Malformed{"a tab for a blank", "GET\t/ HTTP/1.1\r\nHost: h\r\n\r\n", 400},
        Malformed{"HTTP/0.9", "GET /\r\n", 400},
        Malformed{"HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
        Malformed{"RTSP", "GET / RTSP/1.0\r\nHost: h\r\n\r\n", 400},
        Malformed{"a method in small letters", "get / HTTP/1.1\r\nHost: h\r\n\r\n", 501},
        Malformed{"CONNECT", "CONNECT a:80 HTTP/1.1\r\nHost: h\r\n\r\n", 501},
        Malformed{"no Host", "GET / HTTP/1.1\r\nA: b\r\n\r\n", 400},
        Malformed{"no headers at all", "GET / HTTP/1.1\r\n\r\n", 400},
        Malformed{"two Hosts", get("Host: h\r\n"), 400},
        Malformed{"two Hosts in HTTP/1.0", "GET / HTTP/1.0\r\nHost: h\r\nHost: i\r\n\r\n", 400},
        Malformed{"a Host with a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400},
        Malformed{"a Host with user information", "GET / HTTP/1.1\r\nHost: u@h\r\n\r\n", 400},
        Malformed{"a list of Hosts", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400},
        Malformed{"a blank before the colon", get("A : b\r\n"), 400},
        Malformed{"a tab before the colon", get("A\t: b\r\n"), 400},
        Malformed{"a folded header", get("A: b\r\n c\r\n"), 400},
        Malformed{"a folded first header", "GET / HTTP/1.1\r\n Host: h\r\n\r\n", 400},
        Malformed{"a header line without a colon", get("A\r\n"), 400},
        Malformed{"an empty header name", get(": b\r\n"), 400},
        Malformed{"a bare LF after a header", get("A: b\n"), 400},
        Malformed{"a bare LF for the empty line", "GET / HTTP/1.1\r\nHost: h\r\n\n", 400},
        Malformed{"a bare CR in a value", get("A: b\rC: d\r\n"), 400},
        Malformed{"CR CR LF", get("A: b\r\r\n"), 400},
        Malformed{"NUL in a value", get("A: b\0c\r\n"s), 400},
        Malformed{"NUL in a name", get("A\0: c\r\n"s), 400},
        Malformed{"a control character in a value", get("A: \x01\r\n"), 400},
        Malformed{"DEL in a value", get("A: \x7f\r\n"), 400},
        Malformed{"a name beyond ASCII", get("\xc3\xa4: b\r\n"), 400},
        Malformed{"Content-Length and chunked", get("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"), 400},
        Malformed{"chunked and Content-Length", get("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"), 400},
        Malformed{"the same Content-Length twice", get("Content-Length: 5\r\nContent-Length: 5\r\n"), 400},
        Malformed{"two different Content-Lengths", get("Content-Length: 5\r\nContent-Length: 6\r\n"), 400},
        Malformed{"a list of Content-Lengths", get("Content-Length: 5, 5\r\n"), 400},
        Malformed{"an empty Content-Length", get("Content-Length:\r\n"), 400},
        Malformed{"a signed Content-Length", get("Content-Length: +5\r\n"), 400},
        Malformed{"a negative Content-Length", get("Content-Length: -5\r\n"), 400},
        Malformed{"a hexadecimal Content-Length", get("Content-Length: 0x5\r\n"), 400},
        Malformed{"a Content-Length of 2^64", get("Content-Length: 18446744073709551616\r\n"), 400},
        Malformed{"gzip before chunked", get("Transfer-Encoding: gzip, chunked\r\n"), 501},
        Malformed{"chunked twice in one line", get("Transfer-Encoding: chunked, chunked\r\n"), 400},
        Malformed{"chunked in two lines", get("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), 400},
        Malformed{"chunked before identity", get("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n"), 400},
        Malformed{"identity", get("Transfer-Encoding: identity\r\n"), 400},
        Malformed{"chunked with a parameter", get("Transfer-Encoding: chunked;q=1\r\n"), 400},
        Malformed{"xchunked", get("Transfer-Encoding: xchunked\r\n"), 400},
        Malformed{"a vertical tab before chunked", get("Transfer-Encoding: \vchunked\r\n"), 400},
        Malformed{"chunked in HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
        Malformed{"another expectation", get("Expect: 200-ok\r\n"), 417},
        Malformed{"a chunk size that is none", chunked("x\r\n"), 400},
        Malformed{"a signed chunk size", chunked("+1\r\na\r\n"), 400},
        Malformed{"a chunk size with 0x", chunked("0x1\r\na\r\n"), 400},
        Malformed{"a blank behind a chunk size", chunked("1 \r\na\r\n"), 400},
        Malformed{"a bare LF behind a chunk size", chunked("1\na\r\n0\r\n\r\n"), 400},
        Malformed{"a chunk size beyond 64 bits", chunked("10000000000000001\r\na\r\n"), 400},
        Malformed{"an empty chunk size", chunked("\r\na\r\n"), 400},
        Malformed{"a chunk longer than its size", chunked("1\r\nab\r\n"), 400},
        Malformed{"a bare LF behind a chunk", chunked("1\r\na\n0\r\n\r\n"), 400},
        Malformed{"an empty chunk extension", chunked("1;\r\na\r\n"), 400},
        Malformed{"a chunk extension without a name", chunked("1;=b\r\na\r\n"), 400},
        Malformed{"a chunk extension without its value", chunked("1;a=\r\na\r\n"), 400},
        Malformed{"a quote inside the value of a chunk extension", chunked("1;a=b\"c\"\r\na\r\n"), 400},
        Malformed{"chunked before a tab, which llhttp does not recognise", get("Transfer-Encoding: chunked\t\r\n"),
                  400},
        Malformed{"a control character in a chunk extension", chunked("1;a=\"\x01\"\r\na\r\n"), 400},
        Malformed{"a blank before a trailer's colon", chunked("0\r\nA : b\r\n\r\n"), 400},
        Malformed{"a bare LF behind a trailer", chunked("0\r\nA: b\n\r\n"), 400},
};

}  // namespace

TEST_CASE("a valid request is understood however its bytes are cut", "[parser]") {
    for (const Valid& valid : kValid) {
        INFO(valid.name);

        const Outcome outcome = parse_in_all_cuts(valid.wire);

        CHECK(outcome.refused == 0);
        CHECK_FALSE(outcome.in_message);
        REQUIRE(outcome.requests.size() == 1);
        CHECK(outcome.requests[0].head == valid.head);
        CHECK(outcome.requests[0].body == valid.body);
        CHECK(outcome.requests[0].keep_alive == valid.keep_alive);
        CHECK(outcome.requests[0].expects_continue == valid.expects_continue);
    }
}

TEST_CASE("a malformed request is refused with the right status however its bytes are cut", "[parser]") {
    for (const Malformed& malformed : kMalformed) {
        INFO(malformed.name);

        const Outcome outcome = parse_in_all_cuts(malformed.wire);

        CHECK(outcome.refused == malformed.status);
        CHECK(outcome.requests.empty());
        CHECK_FALSE(outcome.in_message);
    }
}

TEST_CASE("a request that breaks off is never complete and is known to be in the middle", "[parser]") {
    for (const Valid& valid : kValid) {
        INFO(valid.name);
        for (std::size_t bytes = 0; bytes < valid.wire.size(); ++bytes) {
            const std::string_view start = std::string_view(valid.wire).substr(0, bytes);

            const Outcome outcome = parse_wire(start, {}, [&] { return bytes; });

            REQUIRE(outcome.requests.empty());
            REQUIRE(outcome.refused == 0);
            REQUIRE(outcome.in_message == (start.find_first_not_of("\r\n") != std::string_view::npos));
        }
    }
}

TEST_CASE("requests sent at once are separated, and what belongs to the next is left alone", "[parser]") {
    std::string wire;
    for (const Valid& valid : kValid) {
        wire += valid.wire;
    }

    const Outcome outcome = parse_in_all_cuts(wire);

    CHECK(outcome.refused == 0);
    REQUIRE(outcome.requests.size() == kValid.size());
    for (std::size_t i = 0; i < kValid.size(); ++i) {
        INFO(kValid[i].name);
        CHECK(outcome.requests[i].head == kValid[i].head);
        CHECK(outcome.requests[i].body == kValid[i].body);
        CHECK(outcome.requests[i].keep_alive == kValid[i].keep_alive);
    }
}

TEST_CASE("the parser stops behind the head and behind the message", "[parser]") {
    const config::Http limits;
    RequestParser sut(limits);
    const std::string_view wire = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabcGET";
    std::span<const std::byte> rest = std::as_bytes(std::span(wire));

    const auto head = sut.feed(rest);
    rest = rest.subspan(head.consumed);
    const auto body = sut.feed(rest);
    rest = rest.subspan(body.consumed);
    const auto end = sut.feed(rest);

    CHECK(head.event == RequestParser::Event::HeadComplete);
    CHECK(head.consumed == wire.find("abc"));
    CHECK(body.event == RequestParser::Event::BodyPiece);
    CHECK(body.body.data() == std::as_bytes(std::span(wire)).data() + head.consumed);  // not copied
    CHECK(body.consumed == 3);
    CHECK(end.event == RequestParser::Event::MessageComplete);
    CHECK(end.consumed == 0);
    CHECK(sut.head().method == "POST");
    CHECK(sut.feed({}).event == RequestParser::Event::NeedMore);
    CHECK(sut.head().method == "POST");  // until the first byte of the next request
}

TEST_CASE("a refused request still has its request line for the access log", "[parser]") {
    const config::Http limits;
    const auto refused_line = [&](std::string_view wire) {
        RequestParser sut(limits);
        auto rest = std::as_bytes(std::span(wire));
        REQUIRE(sut.feed(rest).event == RequestParser::Event::Refused);
        return std::string(sut.head().request_line);
    };

    CHECK(refused_line("GET / HTTP/1.1\r\nA : b\r\n") == "GET / HTTP/1.1");
    CHECK(refused_line("GET  / HTTP/1.1\r\n") == "GET  / HTTP/1.1");
    CHECK(refused_line("GET /a HTTP/3.0\r\n") == "GET /a HTTP/3.0");
    CHECK(refused_line("\x16\x03\x01") == "\x16\x03\x01");
}

TEST_CASE("a name with an underscore is dropped and told, or refused on demand", "[parser]") {
    const std::string wire = get("A: b\r\nX_User: root\r\nY_: z\r\n");
    config::Http limits;
    RequestParser dropping(limits);
    REQUIRE(dropping.feed(std::as_bytes(std::span(wire))).event == RequestParser::Event::HeadComplete);
    CHECK(dropping.head().underscore_header == "x_user");
    CHECK(dropping.head().headers.size() == 2);
    REQUIRE(dropping.feed({}).event == RequestParser::Event::MessageComplete);
    const std::string next = get("A: b\r\n");
    REQUIRE(dropping.feed(std::as_bytes(std::span(next))).event == RequestParser::Event::HeadComplete);
    CHECK(dropping.head().underscore_header.empty());

    limits.underscore_headers = config::UnderscoreHeaders::Refuse;
    CHECK(parse_in_all_cuts(wire, limits).refused == 400);
    CHECK(parse_in_all_cuts(next, limits).refused == 0);
}

TEST_CASE("a TLS greeting is recognised by its first byte, however it is cut", "[parser]") {
    const std::string greeting = "\x16\x03\x01\x02\x00\x01\x00\n\x01"s;
    for (const std::size_t cut : {std::size_t{1}, greeting.size()}) {
        RequestParser sut(config::Http{});
        REQUIRE(sut.feed(std::as_bytes(std::span(greeting).first(cut))).event == RequestParser::Event::Refused);
        CHECK(sut.refusal().status == 400);
        CHECK(sut.refusal().reason == "The client speaks TLS; this port speaks HTTP without TLS.");
    }
}

TEST_CASE("requests of different connections that come in between each other's bytes do not disturb each other",
          "[parser]") {
    const std::string chunked =
            "POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\nT: v\r\n\r\n";
    const std::string sized = "PUT /b HTTP/1.0\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello";
    const std::string bare = "GET /c HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
    const std::string refused = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nZ";
    const std::string all = chunked + "PUT /b HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello" + chunked + bare;
    const auto alone = [](std::string_view wire) { return parse_wire(wire, {}, [] { return std::size_t{1}; }); };
    const Outcome expected = alone(all);
    REQUIRE(expected.requests.size() == 4);
    REQUIRE(alone(refused).refused == 400);

    const Outcome interrupted = parse_wire(all, {}, [&] {
        for (const std::string* other : {&chunked, &sized, &bare, &refused}) {
            (void)alone(*other);
            (void)alone(std::string_view(*other).substr(0, other->size() / 2));
        }
        return std::size_t{7};
    });

    CHECK(interrupted == expected);
}

TEST_CASE("the head tells what framing and answering need", "[parser]") {
    const config::Http limits;
    const auto parse = [&](std::string_view wire, auto&& look) {
        RequestParser sut(limits);
        REQUIRE(sut.feed(std::as_bytes(std::span(wire))).event == RequestParser::Event::HeadComplete);
        look(sut.head());
    };

    parse("HEAD /x HTTP/1.1\r\nHost: h\r\nX-Request-ID: abc\r\n\r\n", [](const RequestHead& head) {
        CHECK(head.is_head);
        CHECK(head.body == BodyKind::None);
        CHECK(head.find(ipc::KnownHeader::XRequestId) == "abc");
        CHECK(head.find("x-request-id") == "abc");
        CHECK(head.find("x-other") == std::nullopt);
        CHECK(head.find(ipc::KnownHeader::Cookie) == std::nullopt);
        CHECK(head.target == "/x");
    });
    parse("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 12345678901\r\n\r\n", [](const RequestHead& head) {
        CHECK_FALSE(head.is_head);
        CHECK(head.body == BodyKind::Length);
        CHECK(head.content_length == 12345678901U);
    });
    parse("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n",
          [](const RequestHead& head) { CHECK(head.body == BodyKind::Chunked); });
}

}  // namespace fettle::http::test

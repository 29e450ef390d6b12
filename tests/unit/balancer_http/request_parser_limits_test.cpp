#include "tests/unit/balancer_http/parse_wire.h"

#include <catch2/catch.hpp>

namespace fettle::http::test {

namespace {

std::string chunked(std::string_view body) {
    return get("Transfer-Encoding: chunked\r\n").append(body);
}

}  // namespace

TEST_CASE("a request line is accepted up to its limit, then answered 414", "[parser][limits]") {
    config::Http limits;
    limits.max_request_line = 40;
    const auto request = [](std::size_t line_bytes) {
        const std::string path(line_bytes - std::string_view("GET  HTTP/1.1").size() - 1, 'a');
        return "GET /" + path + " HTTP/1.1\r\nHost: h\r\n\r\n";
    };

    CHECK(parse_in_all_cuts(request(40), limits).requests.size() == 1);
    CHECK(parse_in_all_cuts(request(41), limits).refused == 414);
    CHECK(parse_in_all_cuts(request(42), limits).refused == 414);
    CHECK(parse_in_all_cuts(request(4000), limits).refused == 414);
    CHECK(parse_in_all_cuts(std::string(4000, 'A'), limits).refused == 414);
}

TEST_CASE("headers are accepted up to their number, then answered 431", "[parser][limits]") {
    config::Http limits;
    limits.max_headers = 3;

    CHECK(parse_in_all_cuts(get("A: b\r\nC: d\r\n"), limits).requests.size() == 1);
    CHECK(parse_in_all_cuts(get("A: b\r\nC: d\r\nE: f\r\n"), limits).refused == 431);
    CHECK(parse_in_all_cuts(get("A: b\r\nC_: d\r\nE_: f\r\n"), limits).refused == 431);  // dropped ones count
}

TEST_CASE("header lines are accepted up to their size, then answered 431", "[parser][limits]") {
    config::Http limits;
    limits.max_header_bytes = 100;
    const std::string host = "Host: h\r\n";
    const auto request = [&](std::size_t bytes) {
        const std::string value(bytes - host.size() - std::string_view("A: \r\n").size(), 'x');
        return get("A: " + value + "\r\n");
    };

    CHECK(parse_in_all_cuts(request(100), limits).requests.size() == 1);
    CHECK(parse_in_all_cuts(request(101), limits).refused == 431);
    CHECK(parse_in_all_cuts(request(5000), limits).refused == 431);
    CHECK(parse_in_all_cuts(get("A:" + std::string(200, ' ') + "b\r\n"), limits).refused == 431);  // blanks count
    CHECK(parse_in_all_cuts("GET / HTTP/1.1\r\n" + std::string(200, 'n'), limits).refused == 431);
}

TEST_CASE("a body is accepted up to its limit, then answered 413", "[parser][limits]") {
    config::Http limits;
    limits.max_body_bytes = 5;

    CHECK(parse_in_all_cuts(get("Content-Length: 5\r\n") + "abcde", limits).requests.size() == 1);
    CHECK(parse_in_all_cuts(get("Content-Length: 6\r\n"), limits).refused == 413);
    CHECK(parse_in_all_cuts(chunked("2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n"), limits).requests.size() == 1);
    CHECK(parse_in_all_cuts(chunked("2\r\nab\r\n4\r\n"), limits).refused == 413);
    CHECK(parse_in_all_cuts(chunked("ffffffffffffffff\r\n"), limits).refused == 413);
}

TEST_CASE("without a limit a body may be as large as 64 bits count", "[parser][limits]") {
    const Outcome sized = parse_in_all_cuts(get("Content-Length: 18446744073709551615\r\n") + "abc");
    const Outcome in_chunks = parse_in_all_cuts(chunked("ffffffffffffffff\r\nabc"));

    CHECK(sized.refused == 0);
    CHECK(sized.in_message);
    CHECK(in_chunks.refused == 0);
    CHECK(in_chunks.in_message);
}

TEST_CASE("a chunked body cannot hide endless bytes beside its data", "[parser][limits]") {
    const std::string long_extension = "1;" + std::string(17 * 1024, 'x') + "\r\na\r\n0\r\n\r\n";
    const std::string zeros = std::string(17 * 1024, '0') + "1\r\na\r\n0\r\n\r\n";
    const std::string trailers = "0\r\nA: " + std::string(17 * 1024, 'x') + "\r\n\r\n";
    std::string many_extensions;
    std::string many_chunks;
    for (int i = 0; i < 600; ++i) {
        many_extensions += "1;" + std::string(32, 'x') + "\r\na\r\n";
        many_chunks += "1;xxxx\r\na\r\n";
    }
    many_extensions += "0\r\n\r\n";
    many_chunks += "0\r\n\r\n";

    CHECK(parse_in_all_cuts(chunked(long_extension)).refused == 400);
    CHECK(parse_in_all_cuts(chunked(zeros)).refused == 400);
    CHECK(parse_in_all_cuts(chunked(trailers)).refused == 400);
    CHECK(parse_in_all_cuts(chunked(many_extensions)).refused == 400);
    CHECK(parse_in_all_cuts(chunked(many_chunks)).requests.size() == 1);
}

TEST_CASE("each request of a connection has the limits for itself", "[parser][limits]") {
    const std::string extensions = chunked("1;" + std::string(10000, 'x') + "\r\na\r\n0\r\n\r\n");
    const std::string trailers = chunked("1\r\na\r\n0\r\nA: " + std::string(10000, 'x') + "\r\n\r\n");
    const std::string empty_line = "\r\n" + get("");
    config::Http limits;
    limits.max_headers = 2;

    const Outcome outcome = parse_in_all_cuts(
            extensions + trailers + extensions + trailers + empty_line + empty_line + get("A: b\r\n") + get("A: b\r\n"),
            limits);

    CHECK(outcome.refused == 0);
    CHECK(outcome.requests.size() == 8);
}

TEST_CASE("a request after one with an unusually large head is parsed as any other", "[parser][limits]") {
    const std::string large = get("Cookie: " + std::string(20000, 'c') + "\r\n");
    const std::string small = get("A: b\r\n");

    const Outcome outcome = parse_in_all_cuts(large + small + large + small);

    REQUIRE(outcome.requests.size() == 4);
    CHECK(outcome.requests[1].head == "GET / HTTP/1.1\nhost: h\na: b");
    CHECK(outcome.requests[3] == outcome.requests[1]);
    CHECK(outcome.requests[2].head.size() > 20000);
}

}  // namespace fettle::http::test

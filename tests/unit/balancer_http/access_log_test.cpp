#include "balancer/http/access_log.h"

#include <catch2/catch.hpp>

#include <array>

namespace fettle::http {

namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;

constexpr std::string_view kWire =
        "GET /a/b?c=d HTTP/1.1\r\nHost: example.org\r\nReferer: http://r/\r\nUser-Agent: ua/1\r\n"
        "Authorization: Basic YWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\nX-Own: 1\r\n\r\n";

// A parsed request and its record.
class Finished {
  public:
    explicit Finished(std::string_view wire = kWire) : parser_(limits_) {
        (void)parser_.feed(std::as_bytes(std::span(wire)));
        record.head = &parser_.head();
        record.client_address = "192.0.2.7";
        record.request_id = "0123456789abcdef";
        record.response_head = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nX-Empty:\r\n\r\n";
        record.unix_ms = 784111777042;
        record.duration = 1234567us;
        record.queue = 1500us;
        record.app = 250us;
        record.bytes_in = 11;
        record.bytes_out = 2048;
        record.seat = 3;
        record.worker_pid = 4711;
        record.status = 200;
    }

    AccessRecord record;

  private:
    config::Http limits_;
    RequestParser parser_;
};

std::string line(std::string_view format, const Finished& finished = Finished()) {
    const auto compiled = AccessFormat::compile(format);
    REQUIRE(compiled);
    std::string text;
    compiled->write(finished.record, text);
    return text;
}

}  // namespace

TEST_CASE("the default access log is Apache's combined format", "[access log]") {
    CHECK(line(config::Log{}.access_format) ==
          R"(192.0.2.7 - aladdin [06/Nov/1994:08:49:37 +0000] "GET /a/b?c=d HTTP/1.1" 200 2048 "http://r/" "ua/1")");
}

TEST_CASE("every atom says what its documentation says", "[access log]") {
    CHECK(line("%(h)s|%(l)s|%(u)s|%(t)s|%(r)s") ==
          "192.0.2.7|-|aladdin|[06/Nov/1994:08:49:37 +0000]|GET /a/b?c=d HTTP/1.1");
    CHECK(line("%(m)s|%(U)s|%(q)s|%(H)s|%(s)s|%(B)s|%(b)s|%(I)s") == "GET|/a/b|c=d|HTTP/1.1|200|2048|2048|11");
    CHECK(line("%(f)s|%(a)s|%(p)s") == "http://r/|ua/1|<4711>");
    CHECK(line("%(T)s|%(M)s|%(D)s|%(L)s") == "1|1234|1234567|1.234567");
    CHECK(line("%({X-Own}i)s|%({x-none}i)s|%({CONTENT-type}o)s|%({x-empty}o)s|%({ok}o)s") == "1|-|text/html|-|-");
    CHECK(line("%(id)s|%(seat)s|%(queue_ms)s|%(app_ms)s") == "0123456789abcdef|3|1.500|0.250");
    CHECK(line("100%% %(s)s%%") == "100% 200%");
    CHECK(line("") == "");
}

TEST_CASE("what is not known is a dash", "[access log]") {
    Finished finished("GET / HTTP/1.0\r\n\r\n");
    finished.record = AccessRecord{.head = finished.record.head, .status = 408};

    CHECK(line("%(h)s %(u)s %(b)s %(B)s %(f)s %(a)s %(p)s %(id)s %(seat)s %(queue_ms)s %(app_ms)s [%(q)s] %({a}o)s",
               finished) == "- - - 0 - - - - - - - [] -");
}

TEST_CASE("a refused request is logged with what was read of it", "[access log]") {
    const Finished finished("G@T / HTTP/1.1\r\n");

    CHECK(line(R"("%(r)s" %(m)s %(U)s %(H)s)", finished) == R"("G@T / HTTP/1.1" - - -)");
}

TEST_CASE("a client cannot break out of its quotes or its line", "[access log]") {
    Finished finished(
            "GET /\"\\ HTTP/1.1\r\nHost: h\r\nUser-Agent: a\"b\\c\td\xc3\xa4\r\nAuthorization: Basic YQpiOng=\r\n\r\n");
    finished.record.response_head = "HTTP/1.1 200 OK\r\nA: \"\r\n\r\n";

    CHECK(line(R"("%(r)s" "%(a)s" "%(u)s" "%({a}o)s")", finished) ==
          R"("GET /\"\\ HTTP/1.1" "a\"b\\c\x09d\xc3\xa4" "a\x0ab" "\"")");
}

TEST_CASE("only Basic authentication has a user name", "[access log]") {
    const auto user = [](std::string_view authorization) {
        return line("%(u)s",
                    Finished("GET / HTTP/1.1\r\nHost: h\r\nAuthorization: " + std::string(authorization) + "\r\n\r\n"));
    };

    CHECK(user("bAsIc YTpi") == "a");
    CHECK(user("Basic Og==") == "-");
    CHECK(user("Basic YWJj") == "-");  // no colon
    CHECK(user("Basic ****") == "-");
    CHECK(user("Basic") == "-");
    CHECK(user("Bearer YTpi") == "-");
}

TEST_CASE("response headers are asked for only by formats that name one", "[access log]") {
    CHECK(AccessFormat::compile("%({a}o)s")->wants_response_head());
    CHECK_FALSE(AccessFormat::compile("%({a}i)s")->wants_response_head());
    CHECK_FALSE(AccessFormat::compile("json")->wants_response_head());
}

TEST_CASE("a wrong atom is an error that names it, its place and what exists", "[access log]") {
    struct Wrong {
        std::string_view format;
        std::string_view message;
    };

    for (const Wrong& wrong : std::array<Wrong, 11>{{
                 {"%(h)s %(x)s", "'%(x)s' at column 7 is unknown"},
                 {"%(h", "'%(h' at column 1 is not complete"},
                 {"%h", "'%h' at column 1 is not complete"},
                 {"%", "'%' at column 1 is not complete"},
                 {"%(h)d", "'%(h)d' at column 1 does not end in ')s'"},
                 {"%(h)", "'%(h)' at column 1 does not end in ')s'"},
                 {"%()s", "'%()s' at column 1 is unknown"},
                 {"%({}i)s", "is unknown"},
                 {"%({a b}i)s", "is unknown"},
                 {"%({a}x)s", "is unknown"},
                 {"%({wsgi.input}e)s", "environ stays in the worker"},
         }}) {
        INFO(wrong.format);

        const auto compiled = AccessFormat::compile(wrong.format);

        REQUIRE_FALSE(compiled);
        CHECK(compiled.error().what.find(wrong.message) != std::string::npos);
        CHECK(compiled.error().what.find("queue_ms") != std::string::npos);
    }
}

TEST_CASE("a JSON line has all fields", "[access log]") {
    CHECK(line("json") ==
          R"({"time":"1994-11-06T08:49:37.042Z","id":"0123456789abcdef","client":"192.0.2.7","user":"aladdin",)"
          R"("request":"GET /a/b?c=d HTTP/1.1","method":"GET","path":"/a/b","query":"c=d","protocol":"HTTP/1.1","host":"example.org",)"
          R"("status":200,"bytes_in":11,"bytes_out":2048,"referer":"http://r/","user_agent":"ua/1","duration_ms":1234.567,)"
          R"("queue_ms":1.500,"app_ms":0.250,"seat":3,"pid":4711})");
}

TEST_CASE("a JSON line of a request of which nothing is known has the same keys", "[access log]") {
    Finished finished("\x01");
    finished.record = AccessRecord{.head = finished.record.head, .status = 400};

    CHECK(line("json", finished) ==
          R"({"time":"1970-01-01T00:00:00.000Z","id":null,"client":null,"user":null,"request":"\u0001","method":null,"path":null,)"
          R"("query":null,"protocol":null,"host":null,"status":400,"bytes_in":0,"bytes_out":0,"referer":null,"user_agent":null,)"
          R"("duration_ms":0.000,"queue_ms":null,"app_ms":null,"seat":null,"pid":null})");
}

TEST_CASE("JSON values are valid UTF-8 whatever a client sends", "[access log]") {
    const auto agent = [](std::string_view value) {
        const std::string text =
                line("json", Finished("GET / HTTP/1.1\r\nHost: h\r\nUser-Agent: " + std::string(value) + "\r\n\r\n"));
        const auto at = text.find("\"user_agent\":") + 13;
        return text.substr(at, text.find(",\"duration_ms\"") - at);
    };

    CHECK(agent("a\"\\\tb") == R"("a\"\\\u0009b")");
    CHECK(agent("\xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80") == "\"\xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80\"");
    CHECK(agent("\xff") == R"("\ufffd")");
    CHECK(agent("\xc3") == R"("\ufffd")");                                // cut off
    CHECK(agent("\xc0\xaf") == R"("\ufffd\ufffd")");                      // overlong
    CHECK(agent("\xed\xa0\x80") == R"("\ufffd\ufffd\ufffd")");            // a surrogate
    CHECK(agent("\xf4\x90\x80\x80") == R"("\ufffd\ufffd\ufffd\ufffd")");  // beyond Unicode
}

}  // namespace fettle::http

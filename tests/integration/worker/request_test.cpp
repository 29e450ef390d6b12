// What the application sees of a request.
#include "python_process.h"

#include <thread>

using fettle::ipc::ResponseKind;
using fettle::test::Answer;
using fettle::test::ReadyWorker;
using fettle::test::Request;

namespace {

bool has(const std::string& text, const std::string& part) {
    INFO(text);
    CHECK(text.find(part) != std::string::npos);
    return text.find(part) != std::string::npos;
}

bool lacks(const std::string& text, const std::string& part) {
    INFO(text);
    CHECK(text.find(part) == std::string::npos);
    return text.find(part) == std::string::npos;
}

}  // namespace

TEST_CASE("environ: it has what PEP 3333 demands and gunicorn adds", "[worker]") {
    ReadyWorker worker;
    const Answer answer = worker.balancer.ask({.method = "POST",
                                               .path = "/environ/a%20b%2Fc%C3%A9%zz%4",
                                               .query = "x=1&y=%20",
                                               .headers = {{"host", "shop.test"},
                                                           {"content-type", "text/plain"},
                                                           {"content-length", "4"},
                                                           {"user-agent", "tests"},
                                                           {"x-custom", "J\xc3\xb6rg"}},
                                               .body = "body"});

    const std::string& shown = answer.body;
    CHECK(answer.status == 200);
    has(shown, R"("REQUEST_METHOD": "POST")");
    has(shown, R"("SCRIPT_NAME": "")");
    has(shown, R"("PATH_INFO": "/environ/a b/c\u00c3\u00a9%zz%4")");
    has(shown, R"("QUERY_STRING": "x=1&y=%20")");
    has(shown, R"("RAW_URI": "/environ/a%20b%2Fc%C3%A9%zz%4?x=1&y=%20")");
    has(shown, R"("REQUEST_URI": "/environ/a%20b%2Fc%C3%A9%zz%4?x=1&y=%20")");
    has(shown, R"("SERVER_NAME": "127.0.0.1")");
    has(shown, R"("SERVER_PORT": "8000")");
    has(shown, R"("SERVER_PROTOCOL": "HTTP/1.1")");
    has(shown, R"("SERVER_SOFTWARE": "fettle/)");
    has(shown, R"("REMOTE_ADDR": "192.0.2.1")");
    has(shown, R"("REMOTE_PORT": "4711")");
    has(shown, R"("CONTENT_TYPE": "text/plain")");
    has(shown, R"("CONTENT_LENGTH": "4")");
    has(shown, R"("HTTP_HOST": "shop.test")");
    has(shown, R"("HTTP_USER_AGENT": "tests")");
    has(shown, R"("HTTP_X_CUSTOM": "J\u00c3\u00b6rg")");
    has(shown, R"("wsgi.version": [1, 0])");
    has(shown, R"("wsgi.url_scheme": "http")");
    has(shown, R"("wsgi.input_terminated": true)");
    has(shown, R"("wsgi.multithread": false)");
    has(shown, R"("wsgi.multiprocess": true)");
    has(shown, R"("wsgi.run_once": false)");
    has(shown, R"("wsgi.input": "InputStream")");
    has(shown, R"("wsgi.errors": "ErrorStream")");
    has(shown, R"("wsgi.file_wrapper": "type")");
    has(shown, R"("fettle.request_id": "0123456789abcdef")");
    lacks(shown, "HTTP_CONTENT");
    lacks(shown, "room");
}

TEST_CASE("environ: without a query, and over HTTPS and HTTP/1.0", "[worker]") {
    ReadyWorker worker({.multiprocess = false});
    const std::string shown = worker.balancer.ask({.path = "/environ", .https = true, .http_minor = 0}).body;

    has(shown, R"("QUERY_STRING": "")");
    has(shown, R"("RAW_URI": "/environ")");
    has(shown, R"("wsgi.url_scheme": "https")");
    has(shown, R"("SERVER_PROTOCOL": "HTTP/1.0")");
    has(shown, R"("wsgi.multiprocess": false)");
}

TEST_CASE("environ: a Unix socket's server is the one of the Host header", "[worker]") {
    ReadyWorker worker;
    Request request{.path = "/environ",
                    .client_address = "",
                    .client_port = 0,
                    .server_name = "/run/shop.sock",
                    .server_port = 0};

    request.headers = {{"host", "shop.test:8443"}};
    std::string shown = worker.balancer.ask(request).body;
    has(shown, R"("SERVER_NAME": "shop.test")");
    has(shown, R"("SERVER_PORT": "8443")");
    has(shown, R"("REMOTE_ADDR": "")");

    request.client_address = "2001:db8::7";  // a trusted proxy at the socket said so, without a port
    request.headers = {{"host", "[::1]"}};
    shown = worker.balancer.ask(request).body;
    has(shown, R"("REMOTE_ADDR": "2001:db8::7")");
    has(shown, R"("REMOTE_PORT": "")");
    has(shown, R"("SERVER_NAME": "[::1]")");
    has(shown, R"("SERVER_PORT": "80")");

    request.headers = {};
    shown = worker.balancer.ask(request).body;
    has(shown, R"("SERVER_NAME": "/run/shop.sock")");
}

TEST_CASE("environ: headers that come twice are joined, and underscores cannot pose as dashes", "[worker]") {
    ReadyWorker worker;
    const std::string shown = worker.balancer
                                      .ask({.path = "/environ",
                                            .headers = {{"x-twice", "1"},
                                                        {"x-twice", "1"},
                                                        {"x-twice", "2"},
                                                        {"cookie", "a=1"},
                                                        {"cookie", "b=2"},
                                                        {"accept", "x"},
                                                        {"accept", "x"},
                                                        {"x_forwarded_for", "10.0.0.1"}}})
                                      .body;

    has(shown, R"("HTTP_X_TWICE": "1,1,2")");
    has(shown, R"("HTTP_COOKIE": "a=1; b=2")");
    has(shown, R"("HTTP_ACCEPT": "x,x")");
    lacks(shown, "FORWARDED");
}

TEST_CASE("environ: a chunked body that arrived whole has a length", "[worker]") {
    ReadyWorker worker;
    // The balancer takes the Transfer-Encoding of a body away with its chunks.
    std::string shown = worker.balancer.ask({.method = "POST", .path = "/environ", .body = "12345"}).body;
    has(shown, R"("CONTENT_LENGTH": "5")");

    shown = worker.balancer.ask({.path = "/environ"}).body;
    lacks(shown, "CONTENT_LENGTH");
}

TEST_CASE("environ: nothing of one request is left in the next", "[worker]") {
    ReadyWorker worker;
    worker.balancer.ask({.path = "/environ", .query = "secret", .headers = {{"x-secret", "one"}}});

    lacks(worker.balancer.get("/environ"), "secret");
}

TEST_CASE("environ: fields that repeat and fields that change are each request's own", "[worker]") {
    ReadyWorker worker;
    const std::string long_value(513, 'l');     // longer than what is remembered
    const std::string longest_value(512, 'm');  // what just is
    const std::vector<std::string> values{"one",
                                          "two",
                                          "",
                                          "one",
                                          "J\xc3\xb6rg",
                                          "J\xc3\xb6r",
                                          "\xff",
                                          "\xfe",
                                          long_value,
                                          long_value.substr(1) + "L",
                                          longest_value,
                                          longest_value.substr(1) + "M",
                                          "one",
                                          "on"};
    const std::vector<std::string> fields{"cookie",  "authorization",   "host", "user-agent", "accept",
                                          "referer", "x-forwarded-for", "x-own"};
    const auto as_json = [](const std::string& value) {
        std::string text = "\"";
        for (const char c : value) {
            const auto byte = static_cast<unsigned char>(c);
            constexpr std::string_view kDigits = "0123456789abcdef";
            text += byte < 0x80 ? std::string(1, c) : std::string("\\u00") + kDigits[byte >> 4U] + kDigits[byte & 0xfU];
        }
        return text + "\"";
    };
    for (std::size_t number = 0; number < 3 * values.size(); ++number) {
        const auto value = [&](std::size_t field) { return values[(number * (field + 1) + field) % values.size()]; };
        const auto port = static_cast<std::uint16_t>(4711 + 256 * (number % 5) + number / 7);
        Request request{.path = "/environ/" + std::to_string(number % 3),
                        .headers = {},
                        .client_address = number % 2 == 0 ? "192.0.2.1" : "192.0.2.10",
                        .client_port = port,
                        .server_name = number % 4 == 0 ? "127.0.0.1" : "127.0.0.2",
                        .server_port = static_cast<std::uint16_t>(port + 256)};
        for (std::size_t field = 0; field < fields.size(); ++field) {
            request.headers.emplace_back(fields[field], value(field));
        }

        const std::string shown = worker.balancer.ask(request).body;

        bool right = has(shown, R"("PATH_INFO": ")" + request.path + "\"") &&
                     has(shown, R"("RAW_URI": ")" + request.path + "\"") &&
                     has(shown, R"("REMOTE_ADDR": ")" + request.client_address + "\"") &&
                     has(shown, R"("REMOTE_PORT": ")" + std::to_string(port) + "\"") &&
                     has(shown, R"("SERVER_NAME": ")" + request.server_name + "\"") &&
                     has(shown, R"("SERVER_PORT": ")" + std::to_string(port + 256) + "\"");
        const std::vector<std::string> keys{"HTTP_COOKIE",          "HTTP_AUTHORIZATION", "HTTP_HOST",
                                            "HTTP_USER_AGENT",      "HTTP_ACCEPT",        "HTTP_REFERER",
                                            "HTTP_X_FORWARDED_FOR", "HTTP_X_OWN"};
        for (std::size_t field = 0; field < fields.size(); ++field) {
            right = has(shown, "\"" + keys[field] + "\": " + as_json(value(field))) && right;
        }
        REQUIRE(right);
    }
}

TEST_CASE("environ: what tells who a client is, is kept by nobody beyond its request", "[worker]") {
    ReadyWorker worker;
    const Request request{.path = "/shared-fields",
                          .headers = {{"host", "shop.test"},
                                      {"accept", "text/html"},
                                      {"cookie", "session=secret"},
                                      {"authorization", "Basic secret"},
                                      {"proxy-authorization", "Basic secret"},
                                      {"x-api-key", "secret"},
                                      {"user-agent", std::string(513, 'u')}}};
    (void)worker.balancer.ask(request);

    CHECK(worker.balancer.ask(request).body == R"(["HTTP_ACCEPT", "HTTP_HOST"])");
}

TEST_CASE("environ: more headers than the template has room for", "[worker]") {
    ReadyWorker worker;
    Request request{.path = "/environ", .headers = {}};
    for (int number = 0; number < 100; ++number) {
        request.headers.emplace_back("x-number-" + std::to_string(number), std::to_string(number));
    }

    const std::string shown = worker.balancer.ask(request).body;

    has(shown, R"("HTTP_X_NUMBER_0": "0")");
    has(shown, R"("HTTP_X_NUMBER_99": "99")");
}

TEST_CASE("wsgi.input: it reads in every way that PEP 3333 names", "[worker]") {
    ReadyWorker worker;
    const std::string body = "first line\nsecond\nabcdone\ntwo\nthree\nfour\nfive";
    const std::string expected =
            R"(["first line\n", "sec", "ond\n", "abcd", "", ["one\n", "two\n"], "three\n", "four\nfive", "", "", [], []])";
    SECTION("from one piece") {
        CHECK(worker.balancer.ask({.method = "POST", .path = "/read-styles", .body = body}).body == expected);
    }
    SECTION("from pieces of one byte") {
        const auto key = worker.balancer.push({.method = "POST",
                                               .path = "/read-styles",
                                               .body = body.substr(0, 1),
                                               .last = false,
                                               .unknown_length = true});
        for (std::size_t at = 1; at < body.size(); ++at) {
            worker.balancer.push_body(key, body.substr(at, 1), at + 1 == body.size());
        }
        CHECK(worker.balancer.finish(key).body == expected);
    }
}

TEST_CASE("wsgi.input: wrong arguments raise what files raise", "[worker]") {
    ReadyWorker worker;
    CHECK(worker.balancer.ask({.path = "/read-wrongly", .body = "x"}).body ==
          R"(["TypeError", "TypeError", "TypeError", "OverflowError"])");
}

TEST_CASE("wsgi.input: a body much larger than the arena arrives whole", "[worker]") {
    ReadyWorker worker;
    std::string body;
    for (int number = 0; body.size() < 5'000'000; ++number) {
        body += std::to_string(number);
    }
    const bool unknown = GENERATE(false, true);

    const auto key = worker.balancer.push({.method = "POST",
                                           .path = "/echo",
                                           .body = body.substr(0, 65536),
                                           .last = false,
                                           .body_length = body.size(),
                                           .unknown_length = unknown});
    constexpr std::size_t kPiece = 60'000;
    for (std::size_t at = 65536; at < body.size(); at += kPiece) {
        worker.balancer.push_body(key, body.substr(at, kPiece), at + kPiece >= body.size());
    }
    worker.balancer.grant(key, 2 * body.size());

    CHECK(worker.balancer.finish(key).body == body);
}

TEST_CASE("wsgi.input: the client is told to send its body when the application reads it", "[worker]") {
    ReadyWorker worker;
    const auto key = worker.balancer.push(
            {.method = "POST", .path = "/echo", .last = false, .body_length = 4, .expects_continue = true});
    worker.balancer.wait_until([&] { return !worker.balancer.answer(key).kinds.empty(); });
    CHECK(worker.balancer.answer(key).last_kind() == ResponseKind::Continue);

    worker.balancer.push_body(key, "bo", false);
    worker.balancer.push_body(key, "dy", true);

    const Answer& answer = worker.balancer.finish(key);
    CHECK(answer.kinds == std::vector{ResponseKind::Continue, ResponseKind::Head});
    CHECK(answer.body == "body");
}

TEST_CASE("wsgi.input: an unread body needs no \"100 Continue\" and does not disturb the next request", "[worker]") {
    ReadyWorker worker;
    const auto key = worker.balancer.push(
            {.method = "POST", .path = "/", .body = "one", .last = false, .body_length = 9, .expects_continue = true});
    worker.balancer.push_body(key, "two", false);
    const Answer answer = worker.balancer.finish(key);
    worker.balancer.push_body(key, "three", true);

    CHECK(answer.kinds == std::vector{ResponseKind::Head});
    CHECK(worker.balancer.get("/") == "Hello, world!");
}

TEST_CASE("wsgi.input: a client that leaves in the middle of its body is a ConnectionError", "[worker]") {
    ReadyWorker worker;
    SECTION("which the application may handle") {
        const auto key = worker.balancer.push(
                {.method = "POST", .path = "/survive-abort", .body = "x", .last = false, .body_length = 9});
        worker.balancer.push_abort(key);
        CHECK(worker.balancer.finish(key).body == "ConnectionResetError True");
    }
    SECTION("and which is no error of the application") {
        const auto key = worker.balancer.push({.method = "POST", .path = "/echo", .last = false, .body_length = 9});
        worker.balancer.push_abort(key);
        CHECK(worker.balancer.finish(key).kinds == std::vector{ResponseKind::Failed});
        CHECK(worker.balancer.get("/") == "Hello, world!");
        CHECK(worker.process.log().empty());
    }
}

TEST_CASE("wsgi.input: another thread may read it", "[worker]") {
    ReadyWorker worker;
    const auto key = worker.balancer.push(
            {.method = "POST", .path = "/read-in-thread", .body = "one ", .last = false, .unknown_length = true});
    worker.balancer.push_body(key, "two", true);

    CHECK(worker.balancer.finish(key).body == "one two");
}

TEST_CASE("wsgi.input: a thread that still reads does not hold up the end of the request", "[worker]") {
    ReadyWorker worker;
    const auto key =
            worker.balancer.push({.method = "POST", .path = "/abandon-reader", .last = false, .body_length = 9});

    CHECK(worker.balancer.finish(key).body == "early");
    has(worker.balancer.get("/abandoned-reader"), "Error");
}

TEST_CASE("request objects: a kept write() does not write into the next response", "[worker]") {
    ReadyWorker worker;
    CHECK(worker.balancer.get("/keep-write") == "kept");
    for (int request = 0; request < 3; ++request) {
        CHECK(worker.balancer.get("/use-kept-write") == "own BrokenPipeError False");
    }
}

TEST_CASE("request objects: kept beyond their request, they refuse to work", "[worker]") {
    ReadyWorker worker;
    CHECK(worker.balancer.get("/keep-objects") == "kept");
    CHECK(worker.balancer.get("/use-kept-objects") == R"(["ValueError", "RuntimeError", "BrokenPipeError"])");
    CHECK(worker.balancer.get("/use-kept-objects") == R"(["ValueError", "RuntimeError", "BrokenPipeError"])");
}

TEST_CASE("requests: one that was prefetched behind a streaming one is served after it", "[worker]") {
    ReadyWorker worker;
    const auto streaming = worker.balancer.push(
            {.method = "POST", .path = "/echo", .body = "a", .last = false, .unknown_length = true});
    const auto prefetched = worker.balancer.push({.path = "/"});
    worker.balancer.push_body(streaming, "b", false);
    worker.balancer.push_body(streaming, "c", true);

    CHECK(worker.balancer.finish(streaming).body == "abc");
    CHECK(worker.balancer.finish(prefetched).body == "Hello, world!");
}

TEST_CASE("requests: one that was revoked in time is dropped and not run", "[worker]") {
    ReadyWorker worker;
    const auto first = worker.balancer.push({.method = "POST", .path = "/echo", .last = false, .unknown_length = true});
    const auto revoked = worker.balancer.push({.path = "/noting"});
    worker.balancer.wait_until(
            [&] { return worker.balancer.channel().state(first) == fettle::ipc::RequestState::Claimed; });

    CHECK(worker.balancer.channel().cancel(revoked) == fettle::ipc::BalancerChannel::Cancel::Revoked);
    worker.balancer.push_body(first, "", true);

    CHECK(worker.balancer.finish(revoked).kinds == std::vector{ResponseKind::Dropped});
    CHECK(worker.balancer.get("/closed") == "0");
}

TEST_CASE("requests: several balancer threads share the slot", "[worker]") {
    ReadyWorker worker({}, 1, {.threads = 3, .lanes = 2});
    std::vector<fettle::ipc::RequestKey> keys;
    for (std::uint32_t thread = 0; thread < 3; ++thread) {
        keys.push_back(worker.balancer.push({.path = "/"}, 0, thread));
    }
    for (std::uint32_t thread = 0; thread < 3; ++thread) {
        CHECK(worker.balancer.finish(keys[thread], 0, thread).body == "Hello, world!");
    }
}

TEST_CASE("wsgi.errors: it reaches standard error", "[worker]") {
    ReadyWorker worker;
    CHECK(worker.balancer.get("/errors") == "noted");
    worker.process.wait_for_log("said to wsgi.errors\nand more\n");
}

#include "balancer/http/error_page.h"

#include "balancer/http/http_date.h"

#include <catch2/catch.hpp>

#include <array>

namespace fettle::http {

namespace {

std::string page(const ErrorPage& error, std::size_t* body_bytes = nullptr) {
    std::string wire;
    const std::size_t bytes = write_error_page(error, wire);
    if (body_bytes != nullptr) {
        *body_bytes = bytes;
    }
    return wire;
}

std::string header(const std::string& wire, const std::string& name) {
    const auto at = wire.find("\r\n" + name + ": ");
    return at == std::string::npos
                   ? ""
                   : wire.substr(at + name.size() + 4, wire.find("\r\n", at + 2) - at - name.size() - 4);
}

}  // namespace

TEST_CASE("an error page says what happened, for how long and under which id", "[error page]") {
    std::size_t body_bytes = 0;

    const std::string wire = page({.status = 503,
                                   .request_id = "0123456789abcdef",
                                   .date = "Sun, 06 Nov 1994 08:49:37 GMT",
                                   .server = "fettle",
                                   .retry_after = 3,
                                   .keep_alive = true},
                                  &body_bytes);

    const std::string body =
            "503 Service Unavailable\n\nThe server is too busy to take this request now.\nTry again in 3 s.\nRequest "
            "id: 0123456789abcdef\n";
    CHECK(body_bytes == body.size());
    CHECK(wire == "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: " +
                          std::to_string(body.size()) +
                          "\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nServer: fettle\r\nRetry-After: "
                          "3\r\nX-Request-ID: 0123456789abcdef\r\n\r\n" +
                          body);
}

TEST_CASE("every status the balancer answers with has a reason and a body of the announced length", "[error page]") {
    for (const std::uint16_t status :
         std::array<std::uint16_t, 14>{400, 404, 408, 413, 414, 417, 431, 500, 501, 502, 503, 504, 505, 507}) {
        INFO(status);

        const std::string wire = page({.status = status});

        const auto body = wire.substr(wire.find("\r\n\r\n") + 4);
        CHECK_FALSE(reason_phrase(status).empty());
        CHECK(wire.rfind("HTTP/1.1 " + std::to_string(status) + " " + std::string(reason_phrase(status)) + "\r\n", 0) ==
              0);
        CHECK(header(wire, "Content-Length") == std::to_string(body.size()));
        CHECK(header(wire, "Connection") == "close");
        CHECK(body.find(".\n") != std::string::npos);
    }
    CHECK(reason_phrase(299).empty());
    CHECK(page({.status = 299}) == page({.status = 500}));
}

TEST_CASE("the parser's reason replaces the general sentence", "[error page]") {
    CHECK(page({.status = 400, .detail = "Host is missing."}).find("\n\nHost is missing.\n") != std::string::npos);
}

TEST_CASE("an error page for HEAD is a head that announces the same length", "[error page]") {
    std::size_t body_bytes = 1;

    const std::string head = page({.status = 502, .head_request = true}, &body_bytes);

    const std::string whole = page({.status = 502});
    CHECK(body_bytes == 0);
    CHECK(head == whole.substr(0, whole.find("\r\n\r\n") + 4));
}

TEST_CASE("an error page keeps an HTTP/1.0 connection only by saying so", "[error page]") {
    CHECK(header(page({.status = 503, .http_minor = 0, .keep_alive = true}), "Connection") == "keep-alive");
    CHECK(header(page({.status = 503, .http_minor = 0}), "Connection") == "close");
}

TEST_CASE("dates are formatted as HTTP and the logs want them", "[date]") {
    DateCache sut;
    std::string log;
    std::string iso;

    append_log_time(784111777, log);
    append_iso_time(784111777042, iso);

    CHECK(sut.at(784111777) == "Sun, 06 Nov 1994 08:49:37 GMT");
    CHECK(sut.at(784111777) == "Sun, 06 Nov 1994 08:49:37 GMT");
    CHECK(sut.at(0) == "Thu, 01 Jan 1970 00:00:00 GMT");
    CHECK(sut.at(1709208000) == "Thu, 29 Feb 2024 12:00:00 GMT");
    CHECK(log == "[06/Nov/1994:08:49:37 +0000]");
    CHECK(iso == "1994-11-06T08:49:37.042Z");
}

}  // namespace fettle::http

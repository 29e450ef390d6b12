#include "tests/integration/balancer/harness.h"

#include <catch2/catch.hpp>

using namespace fettle;
using namespace fettle::test;

namespace {

// Answers with the method and the path.
void echo(ManualWorker& worker, const ManualWorker::Request& request) {
    worker.respond(request, request.method + " " + request.path);
}

}  // namespace

TEST_CASE("requests: a request reaches a worker as parsed values and its answer comes back", "[balancer]") {
    Balancer sut;
    const auto worker = sut.add_worker();
    Client client = sut.connect();

    client.send("GET /shop/item?id=7&x=%20 HTTP/1.1\r\nHost: shop.test\r\nX-Custom:  padded \r\n\r\n");
    const auto request = worker->take();
    worker->respond(request, "hello", "text/plain");
    const Response response = client.receive();

    CHECK(request.method == "GET");
    CHECK(request.path == "/shop/item");
    CHECK(request.query == "id=7&x=%20");
    CHECK(request.headers.at("host") == "shop.test");
    CHECK(request.headers.at("x-custom") == "padded");
    CHECK(request.client_address == "127.0.0.1");
    CHECK(request.server_name == "127.0.0.1");
    CHECK(request.server_port == sut.port());
    CHECK(request.request_id.size() == 16);
    CHECK(request.whole);
    CHECK(response.status == 200);
    CHECK(response.body == "hello");
    CHECK(response.headers.at("content-type") == "text/plain");
    CHECK(response.headers.count("date") == 1);
    CHECK(response.headers.at("server") == "fettle");
}

TEST_CASE("requests: a Unix socket serves as well; its client has no address", "[balancer]") {
    config::Config config;
    config.log.access = "-";
    config.log.access_format = "%(h)s %(U)s";
    Balancer sut(config);
    const auto worker = sut.add_worker();
    Client client = sut.connect_by_path();

    client.send(get("/local"));
    const auto request = worker->take();
    worker->respond(request, "hello");

    CHECK(client.receive().body == "hello");
    CHECK(request.client_address.empty());
    CHECK(request.server_name == sut.unix_path());
    CHECK(request.server_port == 0);
    CHECK(sut.log().access_line_with("/local") == "- /local");
}

TEST_CASE("requests: a connection serves one request after the other", "[balancer]") {
    Balancer sut;
    const auto worker = sut.run_worker(echo);
    Client client = sut.connect();

    for (int round = 0; round < 50; ++round) {
        const std::string path = "/" + std::to_string(round);
        client.send(get(path));
        REQUIRE(client.receive().body == "GET " + path);
    }
}

TEST_CASE("requests: pipelined requests are answered in order, however they are cut", "[balancer]") {
    Balancer sut;
    const auto first = sut.run_worker(echo);
    const auto second = sut.run_worker(echo);
    Client client = sut.connect();
    const std::size_t cut = GENERATE(as<std::size_t>{}, 1, 7, 1000, 100'000);
    const int count = cut == 1 ? 10 : 100;
    std::string all;
    for (int number = 0; number < count; ++number) {
        all += number % 3 == 0
                       ? "POST /" + std::to_string(number) + " HTTP/1.1\r\nHost: t\r\nContent-Length: 3\r\n\r\nabc"
                       : get("/" + std::to_string(number));
    }

    for (std::size_t start = 0; start < all.size(); start += cut) {
        client.send(std::string_view(all).substr(start, cut));
    }

    for (int number = 0; number < count; ++number) {
        REQUIRE(client.receive().body == (number % 3 == 0 ? "POST /" : "GET /") + std::to_string(number));
    }
}

TEST_CASE("requests: a client that wants to close gets its answer and then the end", "[balancer]") {
    Balancer sut;
    const auto worker = sut.run_worker(echo);
    Client client = sut.connect();

    SECTION("HTTP/1.1 with Connection: close") {
        client.send(get("/a", "Connection: close\r\n"));
    }
    SECTION("HTTP/1.0") {
        client.send("GET /a HTTP/1.0\r\n\r\n");
    }
    const Response response = client.receive();

    CHECK(response.status == 200);
    CHECK(response.body == "GET /a");
    std::string rest;
    CHECK(client.receive_to_end(rest));
    CHECK(rest.empty());
}

TEST_CASE("requests: the answer to HEAD has the length but no body, and the connection lives on", "[balancer]") {
    Balancer sut;
    const auto worker = sut.run_worker(
            [](ManualWorker& self, const ManualWorker::Request& request) { self.respond(request, "12345"); });
    Client client = sut.connect();

    client.send("HEAD / HTTP/1.1\r\nHost: t\r\n\r\n");
    CHECK(client.receive(true).headers.at("content-length") == "5");
    client.send(get("/"));
    CHECK(client.receive().body == "12345");
}

TEST_CASE("requests: a body without a length is chunked for HTTP/1.1 and ends the connection for HTTP/1.0",
          "[balancer]") {
    Balancer sut;
    const auto worker = sut.run_worker([](ManualWorker& self, const ManualWorker::Request& request) {
        self.head(request, 200, {{"Content-Type", "text/plain"}}, "one ", false);
        self.body(request, "two ");
        self.body(request, "three");
        self.publish(request, ipc::ResponseKind::End, true);
    });
    Client client = sut.connect();

    client.send(get("/"));
    const Response chunked = client.receive();
    CHECK(chunked.headers.at("transfer-encoding") == "chunked");
    CHECK(chunked.body == "one two three");
    client.send("GET / HTTP/1.0\r\n\r\n");
    const Response closed = client.receive();
    CHECK(closed.headers.count("transfer-encoding") == 0);
    CHECK(closed.body == "one two three");
}

TEST_CASE("requests: an application that fails is a 500, and the connection lives on", "[balancer]") {
    Balancer sut;
    const auto worker = sut.add_worker();
    Client client = sut.connect();

    client.send(get("/broken", "X-Request-ID: abc-123\r\n"));
    worker->publish(worker->take(), ipc::ResponseKind::Failed, true);
    const Response response = client.receive();

    CHECK(response.status == 500);
    CHECK(response.headers.at("x-request-id") == "abc-123");
    const std::string line = sut.log().line_with("the application failed");
    CHECK(line.find("status=500") != std::string::npos);
    CHECK(line.find("request_id=abc-123") != std::string::npos);
    CHECK(line.find("'GET /broken HTTP/1.1'") != std::string::npos);
    client.send(get("/"));
    worker->respond(worker->take(), "fine");
    CHECK(client.receive().body == "fine");
}

TEST_CASE("requests: an application that fails in the middle of its answer cuts the client off", "[balancer]") {
    Balancer sut;
    const auto worker = sut.add_worker();
    Client client = sut.connect();

    SECTION("a chunked body ends without its last chunk") {
        client.send(get("/"));
        const auto request = worker->take();
        worker->head(request, 200, {}, "partial", false);
        worker->publish(request, ipc::ResponseKind::Failed, true);
        CHECK(client.receive().status == 0);
    }
    SECTION("a body that is delimited by the end of the connection is reset") {
        client.send("GET / HTTP/1.0\r\n\r\n");
        const auto request = worker->take();
        worker->head(request, 200, {}, "partial", false);
        worker->publish(request, ipc::ResponseKind::Failed, true);
        std::string bytes;
        CHECK_FALSE(client.receive_to_end(bytes));
    }
}

TEST_CASE("requests: an application that promises more than it sends cannot leave the client waiting", "[balancer]") {
    Balancer sut;
    const auto worker = sut.add_worker();
    Client client = sut.connect();

    client.send(get("/"));
    worker->head(worker->take(), 200, {{"Content-Length", "100"}}, "only this", true);

    CHECK(client.receive().status == 0);
    CHECK_FALSE(sut.log().line_with("less than its Content-Length").empty());
}

TEST_CASE("requests: an application's head that HTTP forbids is a 500 with its reason in the log", "[balancer]") {
    Balancer sut;
    const auto worker = sut.add_worker();
    Client client = sut.connect();

    client.send(get("/"));
    const auto request = worker->take();
    worker->head(request, 200, {{"Transfer-Encoding", "gzip"}}, "ignored", false);
    worker->body(request, "ignored too");
    worker->publish(request, ipc::ResponseKind::End, true);

    const Response response = client.receive();
    CHECK(response.status == 500);
    CHECK(response.head.find("gzip") == std::string::npos);
    CHECK_FALSE(sut.log().line_with("hop-by-hop").empty());
    client.send(get("/"));
    worker->respond(worker->take(), "fine");
    CHECK(client.receive().body == "fine");
}

TEST_CASE("requests: a malformed request is refused, logged harmlessly and closes its connection", "[balancer]") {
    Balancer sut;
    Client client = sut.connect();

    client.send("GET /\x01' HTTP/1.1\r\nHost: t\r\n\r\n");

    CHECK(client.receive().status == 400);
    CHECK(client.ended());
    CHECK(sut.log().line_with("status=400").find("\\x01\\x27") != std::string::npos);
}

TEST_CASE("requests: the access log tells who asked for what, who answered and how long it took", "[balancer]") {
    config::Config config;
    config.log.access = "-";
    config.log.access_format =
            "%(h)s \"%(r)s\" %(s)s %(b)s id=%(id)s seat=%(seat)s queue=%(queue_ms)s app=%(app_ms)s in=%(I)s";
    Balancer sut(config);
    const auto worker = sut.run_worker([](ManualWorker& self, const ManualWorker::Request& request) {
        self.app_ns = 1'000'000;
        self.respond(request, "12345");
    });
    Client client = sut.connect();

    client.send("POST /a HTTP/1.1\r\nHost: t\r\nX-Request-ID: the-id\r\nContent-Length: 3\r\n\r\nabc");
    REQUIRE(client.receive().status == 200);
    const std::string line = sut.log().access_line_with("/a");
    CHECK(line.find("127.0.0.1 \"POST /a HTTP/1.1\" 200 5 id=the-id seat=1 queue=") == 0);
    CHECK(line.find("app=1") != std::string::npos);
    CHECK(line.find("in=3") != std::string::npos);

    client.send("BROKEN\r\n\r\n");
    REQUIRE(client.receive().status == 400);
    CHECK(sut.log().access_line_with("BROKEN").find("seat=-") != std::string::npos);
}

TEST_CASE("requests: with two threads every request finds a worker, whichever thread has its connection",
          "[balancer]") {
    Balancer sut({}, 2);
    const auto first = sut.run_worker(echo);
    const auto second = sut.run_worker(echo);
    std::vector<Client> clients;
    for (int number = 0; number < 16; ++number) {
        clients.push_back(sut.connect());
    }

    for (int round = 0; round < 25; ++round) {
        for (std::size_t number = 0; number < clients.size(); ++number) {
            clients[number].send(get("/" + std::to_string(number)));
        }
        for (std::size_t number = 0; number < clients.size(); ++number) {
            REQUIRE(clients[number].receive().body == "GET /" + std::to_string(number));
        }
    }
    CHECK(first->handled() + second->handled() == 16 * 25);
}

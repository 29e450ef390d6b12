// Clients that close their side and still want their answers (http.half_close = "answer"); the default is in
// clients_test.cpp: they have left.
#include "tests/integration/balancer/harness.h"

#include <catch2/catch.hpp>

using namespace fettle;
using namespace fettle::test;
using namespace std::chrono_literals;

namespace {

config::Config answering() {
    config::Config config;
    config.http.half_close = config::HalfClose::Answer;
    return config;
}

}  // namespace

TEST_CASE("half-close: a client that has nothing more to send gets its answer and the end", "[balancer]") {
    Balancer sut(answering(), GENERATE(1U, 2U));
    Client client = sut.connect();
    client.send(get("/"));
    client.finish_sending();

    const auto worker = sut.add_worker();  // the request waited in the queue until now
    worker->respond(worker->take(), "answer");

    const Response response = client.receive();
    CHECK(response.body == "answer");
    CHECK(response.headers.at("connection") == "close");
    std::string rest;
    CHECK(client.receive_to_end(rest));
    CHECK(rest.empty());
}

TEST_CASE("half-close: all requests sent before it are answered", "[balancer]") {
    Balancer sut(answering(), GENERATE(1U, 2U));
    const auto worker = sut.run_worker(
            [](ManualWorker& self, const ManualWorker::Request& request) { self.respond(request, request.path); });
    Client client = sut.connect();
    std::string all;
    for (int number = 0; number < 20; ++number) {
        all += get("/" + std::to_string(number));
    }

    client.send(all);
    client.finish_sending();

    for (int number = 0; number < 20; ++number) {
        CHECK(client.receive().body == "/" + std::to_string(number));
    }
    CHECK(client.ended());
}

TEST_CASE("half-close: a long answer arrives whole", "[balancer]") {
    Balancer sut(answering());
    const std::string body(8'000'000, 'x');
    const auto worker = sut.run_worker([&](ManualWorker& self, const ManualWorker::Request& request) {
        self.head(request, 200, {{"Content-Length", std::to_string(body.size())}}, "", false);
        (void)self.stream(request, body);
    });
    Client client = sut.connect();

    client.send(get("/"));
    client.finish_sending();

    CHECK((client.receive().body == body));
    CHECK(client.ended());
}

TEST_CASE("half-close: a refusal arrives, too", "[balancer]") {
    Balancer sut(answering());
    Client client = sut.connect();

    client.send("GET / HTTP/3.0\r\n\r\n");
    client.finish_sending();

    CHECK(client.receive().status == 505);
    CHECK(client.ended());
}

TEST_CASE("half-close: in the middle of a request it is a departure", "[balancer]") {
    Balancer sut(answering());
    Client client = sut.connect();
    const auto* beginning =
            GENERATE("", "GET / HTTP/1.1\r\nHo", "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 9\r\n\r\nx");

    client.send(beginning);
    client.finish_sending();

    std::string bytes;
    CHECK(client.receive_to_end(bytes));
    CHECK(bytes.empty());
}

TEST_CASE("half-close: a second request that is cut off does not cost the first its answer", "[balancer]") {
    Balancer sut(answering());
    const auto worker = sut.add_worker();
    Client client = sut.connect();

    client.send(get("/first") + "GET /second HT");
    client.finish_sending();
    worker->respond(worker->take(), "first");

    CHECK(client.receive().body == "first");
    CHECK(client.ended());
}

TEST_CASE("half-close: a client that then goes for good takes its waiting request with it", "[balancer]") {
    Balancer sut(answering());  // one thread: it sees what happened first first
    const auto worker = sut.add_worker();
    const bool by_reset = GENERATE(true, false);
    Client client = by_reset ? sut.connect() : sut.connect_by_path();
    client.send(get("/left"));
    const auto request = worker->next();
    client.finish_sending();
    Client witness = sut.connect();
    witness.send("GET / HTTP/3.0\r\n\r\n");
    CHECK(witness.receive().status == 505);  // by now the balancer knows that the client has closed its side

    if (by_reset) {
        client.reset();
    } else {
        client.close();  // a Unix socket tells when both ends are closed
    }

    CHECK_FALSE(sut.log().line_with("client left").empty());
    CHECK_FALSE(worker->claim(request));
}

TEST_CASE("half-close: by default the client has left", "[balancer]") {
    Balancer sut({}, GENERATE(1U, 2U));
    const auto worker = sut.add_worker();
    Client client = sut.connect();
    client.send(get("/"));
    const auto request = worker->take();

    client.finish_sending();

    CHECK(wait_until([&] { return worker->channel().cancelled(request.key); }));
    CHECK(client.ended());
    worker->publish(request, ipc::ResponseKind::Failed, true);
}

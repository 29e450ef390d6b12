#include "tests/integration/balancer/harness.h"

#include <catch2/catch.hpp>

#include <sys/resource.h>
#include <unistd.h>

using namespace fettle;
using namespace fettle::test;
using namespace std::chrono_literals;

TEST_CASE("clients: one that leaves takes its waiting request with it", "[balancer]") {
    Balancer sut({}, GENERATE(1U, 2U));
    Client leaver = sut.connect();
    Client stayer = sut.connect();
    leaver.send(get("/left"));
    stayer.send(get("/stayed"));
    // A third one, behind them: its answer proves that the balancer has read the others by then.
    const auto worker = sut.prepare();
    leaver.close();
    CHECK_FALSE(sut.log().line_with("client left").empty());

    sut.serve(*worker);

    const auto request = worker->take();
    CHECK(request.path == "/stayed");
    worker->respond(request, "ok");
    CHECK(stayer.receive().body == "ok");
    CHECK_FALSE(worker->has_request(50ms));
}

TEST_CASE("clients: one that leaves before its request is claimed has it revoked", "[balancer]") {
    Balancer sut({}, GENERATE(1U, 2U));
    const auto worker = sut.add_worker();
    Client client = sut.connect();
    client.send(get("/left"));
    const auto request = worker->next();

    client.close();
    CHECK_FALSE(sut.log().line_with("client left").empty());

    CHECK_FALSE(worker->claim(request));
    Client next = sut.connect();
    next.send(get("/next"));
    const auto after = worker->take();
    CHECK(after.path == "/next");
    worker->respond(after, "ok");
    CHECK(next.receive().body == "ok");
}

TEST_CASE("clients: one that leaves while its request runs never blocks the worker", "[balancer]") {
    Balancer sut({}, GENERATE(1U, 2U));
    const auto worker = sut.add_worker();
    Client client = sut.connect();
    client.send(get("/left"));
    const auto request = worker->take();
    const bool during = GENERATE(true, false);
    if (during) {
        worker->head(request, 200, {{"Content-Length", "10000000"}}, "begin", false);
        (void)client.receive_until("begin");
    }

    client.reset();
    REQUIRE(wait_until([&] { return worker->channel().cancelled(request.key); }));
    if (!during) {
        worker->head(request, 200, {{"Content-Length", "10000000"}}, "begin", false);
    }
    CHECK(worker->stream(request, std::string(9'999'995, 'x')) == 9'999'995);

    Client next = sut.connect();
    next.send(get("/next"));
    worker->respond(worker->take(), "ok");
    CHECK(next.receive().body == "ok");
}

TEST_CASE("clients: the access log has a line for one that left", "[balancer]") {
    config::Config config;
    config.log.access = "-";
    config.log.access_format = "%(r)s %(s)s";
    Balancer sut(config, GENERATE(1U, 2U));
    Client client = sut.connect();
    client.send(get("/left"));
    client.close();

    CHECK(sut.log().access_line_with("/left") == "GET /left HTTP/1.1 499");
}

TEST_CASE("clients: a request head that does not come to its end gets 408", "[balancer]") {
    config::Config config;
    config.timeouts.header = config::Seconds(0.2);
    Balancer sut(config, GENERATE(1U, 2U));
    Client client = sut.connect();

    client.send("GET / HTTP/1.1\r\nHost:");

    CHECK(client.receive().status == 408);
    CHECK(client.ended());
}

TEST_CASE("clients: a connection that never asks anything is closed without a word", "[balancer]") {
    config::Config config;
    config.timeouts.header = config::Seconds(0.2);
    Balancer sut(config, GENERATE(1U, 2U));
    Client client = sut.connect();

    std::string bytes;
    CHECK(client.receive_to_end(bytes));
    CHECK(bytes.empty());
}

TEST_CASE("clients: an idle connection is closed after keep_alive", "[balancer]") {
    config::Config config;
    config.timeouts.keep_alive = config::Seconds(0.2);
    Balancer sut(config, GENERATE(1U, 2U));
    const auto worker = sut.add_worker();
    Client client = sut.connect();
    client.send(get("/"));
    worker->respond(worker->take(), "ok");
    REQUIRE(client.receive().body == "ok");

    std::string bytes;
    CHECK(client.receive_to_end(bytes));
    CHECK(bytes.empty());
}

TEST_CASE("clients: one that takes nothing of its response is given up, and its worker goes on", "[balancer]") {
    config::Config config;
    config.timeouts.send = config::Seconds(0.3);
    Balancer sut(config, GENERATE(1U, 2U));
    const auto worker = sut.add_worker();
    Client client(sut.port(), 4096);
    client.send(get("/"));
    const auto request = worker->take();
    const std::string body(20'000'000, 'x');
    worker->head(request, 200, {{"Content-Length", std::to_string(body.size())}}, "", false);

    CHECK(worker->stream(request, body) == body.size());

    CHECK_FALSE(sut.log().line_with("timeouts.send").empty());
    CHECK(client.receive().status == 0);
}

TEST_CASE("clients: without free descriptors new ones wait, and are served when there are some", "[balancer]") {
    Balancer sut;
    const auto worker = sut.run_worker(
            [](ManualWorker& self, const ManualWorker::Request& request) { self.respond(request, "ok"); });
    sut.stop_accepting();
    sut.expect<ipc::Quiesced>();
    std::vector<Client> clients;
    for (int number = 0; number < 8; ++number) {
        clients.push_back(sut.connect());
        clients.back().send(get("/"));
    }
    rlimit before{};
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
    const Fd highest(::dup(0));
    const rlimit few{.rlim_cur = static_cast<rlim_t>(highest.get()) + 3, .rlim_max = before.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &few) == 0);

    sut.start_accepting();
    CHECK_FALSE(sut.log().line_with("no descriptors or memory").empty());
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);

    for (Client& client : clients) {
        CHECK(client.receive().body == "ok");
    }
}

TEST_CASE("clients: beyond max_connections new ones wait until another ends", "[balancer]") {
    config::Config config;
    config.http.max_connections = 2;
    Balancer sut(config);
    const auto worker = sut.run_worker(
            [](ManualWorker& self, const ManualWorker::Request& request) { self.respond(request, "ok"); });
    Client first = sut.connect();
    Client second = sut.connect();
    for (Client* client : {&first, &second}) {
        client->send(get("/"));
        REQUIRE(client->receive().body == "ok");
    }
    Client third = sut.connect();
    third.send(get("/"));
    CHECK_FALSE(sut.log().line_with("http.max_connections is reached").empty());
    CHECK_FALSE(third.readable());

    first.close();

    CHECK(third.receive().body == "ok");
    second.send(get("/"));
    CHECK(second.receive().body == "ok");
}

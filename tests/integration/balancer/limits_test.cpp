#include "tests/integration/balancer/harness.h"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace fettle;
using namespace fettle::test;
using namespace std::chrono_literals;

TEST_CASE("queue: beyond its length requests are refused at once, with the time to come back", "[balancer]") {
    config::Config config;
    config.queue.max_length = 2;
    Balancer sut(config, GENERATE(1U, 2U));
    std::vector<Client> clients;
    for (int number = 0; number < 3; ++number) {
        clients.push_back(sut.connect());
        clients.back().send(get("/"));
    }

    // Whichever comes last.
    Response response;
    REQUIRE(wait_until([&] {
        const auto answered =
                std::find_if(clients.begin(), clients.end(), [](const Client& client) { return client.readable(); });
        if (answered != clients.end()) {
            response = answered->receive();
        }
        return answered != clients.end();
    }));

    CHECK(response.status == 503);
    CHECK(std::stoi(response.headers.at("retry-after")) >= 1);
    CHECK_FALSE(sut.log().line_with("queue.max_length").empty());
}

TEST_CASE("queue: a request that no worker takes in time is refused, and its connection lives on", "[balancer]") {
    config::Config config;
    config.queue.timeout = config::Seconds(0.2);
    Balancer sut(config, GENERATE(1U, 2U));
    Client client = sut.connect();
    client.send(get("/"));

    const Response response = client.receive();
    CHECK(response.status == 503);
    CHECK(std::stoi(response.headers.at("retry-after")) >= 1);
    CHECK_FALSE(sut.log().line_with("queue.timeout").empty());

    const auto worker = sut.add_worker();
    client.send(get("/again"));
    worker->respond(worker->take(), "ok");
    CHECK(client.receive().body == "ok");
}

TEST_CASE("queue: a request prefetched behind a slow one is taken back and run elsewhere", "[balancer]") {
    Balancer sut({}, GENERATE(1U, 2U));
    const auto busy = sut.add_worker();
    // A slot holds requests of one thread at a time.
    Client warm = sut.connect_to_thread(0, *busy);
    Client first = sut.connect_to_thread(0, *busy);
    Client second = sut.connect_to_thread(0, *busy);
    // A machine that is busy measures long service times, and then nothing is prefetched: warm up until it happens.
    bool prefetched = false;
    ManualWorker::Request slow;
    for (int attempt = 0; attempt < 100 && !prefetched; ++attempt) {
        for (int round = 0; round < 20; ++round) {
            warm.send(get("/warm"));
            const auto request = busy->take();
            busy->head(request, 200, {{"Content-Length", "0"}}, "", true);
            REQUIRE(warm.receive().status == 200);
        }
        first.send(get("/slow"));
        slow = busy->take();
        second.send(get("/behind"));
        prefetched = busy->has_request(200ms);
        if (!prefetched) {
            busy->respond(slow, "");
            REQUIRE(first.receive().status == 200);
            busy->respond(busy->take(), "");
            REQUIRE(second.receive().status == 200);
        }
    }
    REQUIRE(prefetched);

    const auto idle = sut.add_worker();
    const auto request = idle->take();
    CHECK(request.path == "/behind");
    idle->respond(request, "elsewhere");
    CHECK(second.receive().body == "elsewhere");
    CHECK_FALSE(busy->claim(busy->next()));
    busy->respond(slow, "late");
    CHECK(first.receive().body == "late");
}

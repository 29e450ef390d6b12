// What the supervisor asks of the balancer.
#include "tests/integration/balancer/harness.h"

#include <catch2/catch.hpp>

using namespace fettle;
using namespace fettle::test;
using namespace std::chrono_literals;

TEST_CASE("lifecycle: before StartAccepting connections wait, then they are served", "[balancer]") {
    Balancer sut({}, GENERATE(1U, 2U));
    sut.stop_accepting();
    sut.expect<ipc::Quiesced>();
    const auto worker = sut.add_worker();
    Client client = sut.connect();
    client.send(get("/"));
    CHECK_FALSE(worker->has_request(50ms));

    sut.start_accepting();

    worker->respond(worker->take(), "ok");
    const Response response = client.receive();
    CHECK(response.body == "ok");
    CHECK(response.headers.count("connection") == 0);
}

TEST_CASE("lifecycle: a slot that is not attached yet gets no request, and joins when it is", "[balancer]") {
    Balancer sut({}, GENERATE(1U, 2U));
    const auto worker = sut.prepare(2, 0, 1);
    worker->app_ns = 5'000'000;  // too long to grant a slot requests in advance
    sut.serve(*worker);
    Client first = sut.connect();
    Client second = sut.connect();

    first.send(get("/"));
    const auto running = worker->take();
    CHECK(running.lane == 0);
    second.send(get("/"));
    CHECK_FALSE(worker->has_request(100ms));  // it waits in the queue, for whichever slot is free first
    worker->respond(running, "1");
    const auto next = worker->take();
    CHECK(next.lane == 0);

    first.send(get("/"));
    CHECK_FALSE(worker->has_request(100ms));
    worker->announce(1);
    const auto joined = worker->take();
    CHECK(joined.lane == 1);
    worker->respond(joined, "3");
    worker->respond(next, "2");
    CHECK(first.receive().body == "1");
    CHECK(first.receive().body == "3");
    CHECK(second.receive().body == "2");
}

TEST_CASE("lifecycle: a worker that is drained or dies before its slots are attached leaves nothing behind",
          "[balancer]") {
    Balancer sut({}, GENERATE(1U, 2U));
    const auto drained = sut.prepare(2, 0, 0);
    const auto buried = sut.prepare(2, 0, 0);
    sut.serve(*drained);
    sut.serve(*buried);

    sut.drain(drained->id());
    sut.dead(buried->id());

    CHECK(sut.expect<ipc::WorkerDrained>().worker == drained->id());
    drained->announce(0);
    const auto heir = sut.add_worker();
    Client client = sut.connect();
    client.send(get("/"));
    heir->respond(heir->take(), "ok");
    CHECK(client.receive().body == "ok");
}

TEST_CASE("lifecycle: a stop lets requests end, closes idle connections and says when all is quiet", "[balancer]") {
    Balancer sut({}, GENERATE(1U, 2U));
    const auto worker = sut.add_worker();
    Client idle = sut.connect();
    idle.send(get("/"));
    worker->respond(worker->take(), "ok");
    REQUIRE(idle.receive().body == "ok");
    Client busy = sut.connect();
    busy.send(get("/busy"));
    const auto request = worker->take();
    Client waiting = sut.connect();
    waiting.send(get("/waiting"));

    sut.stop_accepting();

    CHECK(idle.ended());
    worker->respond(request, "done");
    const Response response = busy.receive();
    CHECK(response.body == "done");
    CHECK(response.headers.at("connection") == "close");
    CHECK(busy.ended());
    worker->respond(worker->take(), "done as well");
    CHECK(waiting.receive().body == "done as well");
    sut.expect<ipc::Quiesced>();
}

TEST_CASE("lifecycle: a connection that waits in the backlog when the stop comes is served", "[balancer]") {
    Balancer sut({}, GENERATE(1U, 2U));
    const auto worker = sut.add_worker();
    sut.stop_accepting();
    sut.expect<ipc::Quiesced>();
    Client late = sut.connect();
    late.send(get("/late"));

    sut.stop_accepting();

    worker->respond(worker->take(), "in time");
    CHECK(late.receive().body == "in time");
    sut.expect<ipc::Quiesced>();
}

TEST_CASE("lifecycle: a stop does not wait for connections that never asked anything", "[balancer]") {
    Balancer sut({}, GENERATE(1U, 2U));
    Client silent = sut.connect();
    const auto started = std::chrono::steady_clock::now();

    sut.stop_accepting();
    sut.expect<ipc::Quiesced>();

    CHECK(silent.ended());
    CHECK(std::chrono::steady_clock::now() - started < 10s);
}

TEST_CASE("lifecycle: the end of the control socket ends the balancer after the requests under way", "[balancer]") {
    Balancer sut({}, GENERATE(1U, 2U));
    const auto worker = sut.run_worker([](ManualWorker& self, const ManualWorker::Request& request) {
        std::this_thread::sleep_for(100ms);
        self.respond(request, "still answered");
    });
    Client client = sut.connect();
    client.send(get("/"));
    Client probe = sut.connect();
    probe.send(get("/"));
    REQUIRE(probe.receive().status == 200);  // the first one is under way, or over

    sut.end();

    CHECK(client.receive().body == "still answered");
}

TEST_CASE("lifecycle: what does not end within timeouts.graceful is cut off", "[balancer]") {
    config::Config config;
    config.timeouts.graceful = config::Seconds(0.3);
    Balancer sut(config, GENERATE(1U, 2U));
    const auto worker = sut.add_worker();
    Client client = sut.connect();
    client.send(get("/for-ever"));
    (void)worker->take();

    sut.end();

    CHECK(client.receive().status == 0);
    CHECK_FALSE(sut.log().line_with("timeouts.graceful").empty());
}

TEST_CASE("lifecycle: a drained worker ends what it runs and gives back what it has not begun", "[balancer]") {
    Balancer sut({}, GENERATE(1U, 2U));
    const auto leaving = sut.add_worker(2);
    Client running = sut.connect();
    running.send(get("/running"));
    const auto request = leaving->take();
    Client unclaimed = sut.connect();
    unclaimed.send(get("/unclaimed"));
    REQUIRE(leaving->has_request(kPatience));
    const auto recalled = leaving->next();

    sut.drain(leaving->id());
    const auto other = sut.add_worker();

    const auto moved = other->take();
    CHECK(moved.path == "/unclaimed");
    other->respond(moved, "moved");
    CHECK(unclaimed.receive().body == "moved");
    CHECK_FALSE(leaving->claim(recalled));
    leaving->respond(request, "finished");
    CHECK(running.receive().body == "finished");
    CHECK(sut.expect<ipc::WorkerDrained>().worker == leaving->id());
    sut.dead(leaving->id());
}

TEST_CASE("lifecycle: an idle worker is drained at once", "[balancer]") {
    Balancer sut({}, GENERATE(1U, 2U));
    const auto worker = sut.add_worker();

    sut.drain(worker->id());

    CHECK(sut.expect<ipc::WorkerDrained>().worker == worker->id());
}

TEST_CASE("lifecycle: a worker's spent quota is reported once, and it goes on serving until it is drained",
          "[balancer]") {
    Balancer sut({}, GENERATE(1U, 2U));
    const auto worker = sut.add_worker(1, 3);
    Client client = sut.connect();

    for (int round = 0; round < 5; ++round) {
        client.send(get("/"));
        worker->respond(worker->take(), "ok");
        REQUIRE(client.receive().body == "ok");
    }

    CHECK(sut.expect<ipc::QuotaSpent>().worker == worker->id());
    sut.drain(worker->id());
    CHECK(sut.expect<ipc::WorkerDrained>().worker == worker->id());  // and no second QuotaSpent before it
}

TEST_CASE("lifecycle: a worker that dies, or is drained, before it was served troubles nobody", "[balancer]") {
    Balancer sut({}, GENERATE(1U, 2U));
    const auto stillborn = sut.prepare();
    SECTION("dies") {
        sut.dead(stillborn->id());
    }
    SECTION("is drained, and dies") {
        sut.drain(stillborn->id());
        CHECK(sut.expect<ipc::WorkerDrained>().worker == stillborn->id());
        sut.dead(stillborn->id());
    }
    SECTION("is served after its end") {
        sut.dead(stillborn->id());
        sut.serve(*stillborn);
    }
    SECTION("is still there at the end") {}

    const auto worker = sut.add_worker();
    Client client = sut.connect();
    client.send(get("/"));
    worker->respond(worker->take(), "ok");
    CHECK(client.receive().body == "ok");
}

TEST_CASE(
        "control: a supervisor that reads nothing for a while is told everything later, and clients are served "
        "meanwhile",
        "[balancer]") {
    Balancer sut;
    const auto worker = sut.run_worker(
            [](ManualWorker& self, const ManualWorker::Request& request) { self.respond(request, "ok"); });
    constexpr std::uint32_t kMessages = 2000;  // many times what the socket holds
    for (std::uint32_t number = 0; number < kMessages; ++number) {
        sut.prepare_impossible({.seat = number, .incarnation = 1000 + number});
    }

    Client client = sut.connect();
    client.send(get("/"));
    CHECK(client.receive().body == "ok");
    for (std::uint32_t number = 0; number < kMessages; ++number) {
        REQUIRE(sut.expect<ipc::CannotServe>().worker.seat == number);
    }
}

// What clients see when a worker dies: a request that was QUEUED goes to the front of the queue again, one that was
// CLAIMED gets 502, one that was RESPONDING is cut off, one that is DONE in the ring is delivered.
#include "tests/integration/balancer/harness.h"

#include <catch2/catch.hpp>

using namespace fettle;
using namespace fettle::test;
using namespace std::chrono_literals;

TEST_CASE("deaths: a request its dead worker had not claimed runs on another one, whatever its method", "[balancer]") {
    Balancer sut({}, GENERATE(1U, 2U));
    const auto victim = sut.add_worker();
    Client client = sut.connect();
    client.send("POST /pay HTTP/1.1\r\nHost: t\r\nContent-Length: 4\r\n\r\nbody");
    REQUIRE(victim->has_request(kPatience));

    sut.dead(victim->id());
    const auto heir = sut.add_worker();

    const auto request = heir->take();
    CHECK(request.path == "/pay");
    CHECK(request.body == "body");
    heir->respond(request, "paid");
    CHECK(client.receive().body == "paid");
    const std::string line = sut.log().line_with("worker died");
    CHECK(line.find("seat=1 incarnation=1 requeued=1 lost=0") != std::string::npos);
}

TEST_CASE("deaths: an unclaimed request keeps its place in front of younger ones", "[balancer]") {
    Balancer sut;  // one thread: between several the order is strict only after 1 ms
    const auto victim = sut.add_worker();
    Client first = sut.connect();
    first.send(get("/first"));
    REQUIRE(victim->has_request(kPatience));
    Client second = sut.connect();
    second.send(get("/second"));
    sut.dead(victim->id());

    const auto heir = sut.add_worker();

    const auto oldest = heir->take();
    CHECK(oldest.path == "/first");
    heir->respond(oldest, "1");
    CHECK(first.receive().body == "1");
    heir->respond(heir->take(), "2");
    CHECK(second.receive().body == "2");
}

TEST_CASE("deaths: a spooled body is there again for the next worker", "[balancer]") {
    Balancer sut({}, GENERATE(1U, 2U));
    const auto victim = sut.add_worker();
    const std::string body(700'000, 'b');
    Client client = sut.connect();
    client.send("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 700000\r\n\r\n" + body);
    REQUIRE(victim->has_request(kPatience));
    sut.dead(victim->id());
    const auto heir = sut.add_worker();

    const auto request = heir->take();
    CHECK((heir->read_body(request) == body));
    heir->respond(request, "ok");
    CHECK(client.receive().body == "ok");
}

TEST_CASE("deaths: a streamed body is there again for the next worker as long as nobody claimed it", "[balancer]") {
    config::Config config;
    config.http.stream_body = true;
    Balancer sut(config, GENERATE(1U, 2U));
    const auto victim = sut.add_worker();
    Client client = sut.connect();
    client.send("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 100000\r\n\r\n" + std::string(50'000, 'b'));
    REQUIRE(victim->has_request(kPatience));
    sut.dead(victim->id());
    const auto heir = sut.add_worker();

    const auto request = heir->take();
    client.send(std::string(50'000, 'b'));
    CHECK((heir->read_body(request) == std::string(100'000, 'b')));
    heir->respond(request, "ok");
    CHECK(client.receive().body == "ok");
}

TEST_CASE("deaths: a request that was claimed is a 502 and is not run again", "[balancer]") {
    Balancer sut({}, GENERATE(1U, 2U));
    const auto victim = sut.add_worker();
    Client client = sut.connect();
    client.send(get("/once"));
    (void)victim->take();

    sut.dead(victim->id());

    CHECK(client.receive().status == 502);
    CHECK(sut.log().line_with("worker died with").find("requeued=0 lost=1") != std::string::npos);
    const auto heir = sut.add_worker();
    client.send(get("/next"));
    const auto request = heir->take();
    CHECK(request.path == "/next");
    heir->respond(request, "ok");
    CHECK(client.receive().body == "ok");
}

TEST_CASE("deaths: a client in the middle of a response is cut off, never given a second one", "[balancer]") {
    Balancer sut({}, GENERATE(1U, 2U));
    const auto victim = sut.add_worker();
    Client client = sut.connect();
    client.send(get("/"));
    const auto request = victim->take();
    victim->head(request, 200, {}, "partial", false);
    (void)client.receive_until("partial");

    sut.dead(victim->id());

    std::string rest;
    (void)client.receive_to_end(rest);
    CHECK(rest == "\r\n");  // the end of the chunk; the body's last chunk does not come
}

TEST_CASE("deaths: a response that was complete when its worker died is delivered", "[balancer]") {
    Balancer sut({}, GENERATE(1U, 2U));
    const auto victim = sut.add_worker();
    Client client = sut.connect();
    client.send(get("/"));
    victim->respond(victim->take(), "last words");
    sut.dead(victim->id());

    CHECK(client.receive().body == "last words");
}

TEST_CASE("deaths: of several requests in one lane each meets its own fate", "[balancer]") {
    Balancer sut({}, GENERATE(1U, 2U));
    const auto victim = sut.add_worker();
    // Short requests make the balancer prefetch.
    Client warm = sut.connect_to_thread(0, *victim);
    Client first = sut.connect_to_thread(0, *victim);  // a lane holds requests of one thread at a time
    Client second = sut.connect_to_thread(0, *victim);
    for (int round = 0; round < 50; ++round) {
        warm.send(get("/warm"));
        const auto request = victim->take();
        victim->head(request, 200, {{"Content-Length", "0"}}, "", true);
        REQUIRE(warm.receive().status == 200);
    }
    first.send(get("/claimed"));
    const auto claimed = victim->take();
    CHECK(claimed.path == "/claimed");
    second.send(get("/prefetched"));
    REQUIRE(victim->has_request(kPatience));

    sut.dead(victim->id());

    CHECK(first.receive().status == 502);
    const auto heir = sut.add_worker();
    const auto request = heir->take();
    CHECK(request.path == "/prefetched");
    heir->respond(request, "ok");
    CHECK(second.receive().body == "ok");
}

TEST_CASE("deaths: a worker that writes nonsense is reported, and its clients are answered once it is dead",
          "[balancer]") {
    Balancer sut({}, GENERATE(1U, 2U));
    const auto victim = sut.add_worker();
    Client client(sut.port(), 4096);
    client.send(get("/"));
    const auto request = victim->take();

    auto expected = ipc::Violation::Order;
    SECTION("a body without a head") {
        victim->body(request, "x");
    }
    SECTION("a second head") {
        victim->head(request, 200, {}, "", false);
        victim->head(request, 200, {}, "", false);
    }
    SECTION("pieces of a body without a byte, which would cost it nothing") {
        victim->head(request, 200, {}, "", false);
        victim->publish(request, ipc::ResponseKind::Body, false);
    }
    SECTION("a second wish for the body, which would cost it nothing") {
        victim->publish(request, ipc::ResponseKind::Continue, false);
        victim->publish(request, ipc::ResponseKind::Continue, false);
    }
    SECTION("a drop nobody asked for") {
        victim->publish(request, ipc::ResponseKind::Dropped, true);
    }
    SECTION("a key that does not exist") {
        auto invented = request;
        ++invented.key.sequence;
        victim->publish(invented, ipc::ResponseKind::Failed, true);
        expected = ipc::Violation::Request;
    }
    SECTION("a record that is too short") {
        victim->publish(request, ipc::ResponseKind::Head, true);
        expected = ipc::Violation::Record;
    }
    SECTION("a header with a line end, which the worker's own check refuses") {
        victim->head(request, 200, {{"X-Bad", "a\r\nSet-Cookie: b"}}, "", false);
        expected = ipc::Violation::Head;
    }
    SECTION("a header whose name is none") {
        victim->head(request, 200, {{"X Bad", "a"}}, "", true);
        expected = ipc::Violation::Head;
    }
    SECTION("more than it was allowed") {
        victim->head(request, 200, {}, "", false);
        const std::string piece(200'000, 'x');
        // Until the sockets are full, the allowance is spent and the balancer has stopped to take any.
        while (wait_until([&] { return victim->channel().writable() >= piece.size(); }, 500ms)) {
            victim->body(request, piece);
        }
        expected = ipc::Violation::Credit;
    }

    const auto report = sut.expect<ipc::ProtocolViolation>();
    CHECK(report.worker == victim->id());
    CHECK(ipc::text_of(report.violation) == ipc::text_of(expected));
    sut.dead(victim->id());
    const Response response = client.receive();
    CHECK((response.status == 502 || response.status == 0));

    const auto heir = sut.add_worker();
    Client next = sut.connect();
    next.send(get("/next"));
    heir->respond(heir->take(), "ok");
    CHECK(next.receive().body == "ok");
}

// "Expect: 100-continue" (RFC 9110 10.1.1): the client sends its body once the application wants it.
#include "tests/integration/balancer/harness.h"

#include <catch2/catch.hpp>

using namespace fettle;
using namespace fettle::test;
using namespace std::chrono_literals;

namespace {

std::string expecting(std::size_t bytes, std::string_view version = "1.1") {
    return "POST /up HTTP/" + std::string(version) +
           "\r\nHost: t\r\nExpect: 100-continue\r\nContent-Length: " + std::to_string(bytes) + "\r\n\r\n";
}

config::Config impatient() {
    config::Config config;
    config.timeouts.body = config::Seconds(0.2);
    return config;
}

constexpr std::chrono::milliseconds kLongerThanImpatient = 600ms;

}  // namespace

TEST_CASE("expect: 100 Continue is sent when the application reads", "[balancer]") {
    const std::size_t bytes = GENERATE(as<std::size_t>{}, 4, 1'000'000);
    const bool chunked = GENERATE(false, true);
    CAPTURE(bytes, chunked);
    Balancer sut({}, GENERATE(1U, 2U));
    const auto worker = sut.add_worker();
    const std::string body(bytes, 'x');
    Client client = sut.connect();
    if (chunked) {
        client.send("POST /up HTTP/1.1\r\nHost: t\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n");
    } else {
        client.send(expecting(bytes));
    }

    const auto request = worker->take();
    CHECK_FALSE(request.whole);
    CHECK_FALSE(client.readable());
    worker->publish(request, ipc::ResponseKind::Continue, false);
    CHECK(client.receive().status == 100);
    std::thread uploader([&] {
        char size[20];
        (void)std::snprintf(size, sizeof(size), "%zx\r\n", bytes);
        client.send(chunked ? size + body + "\r\n0\r\n\r\n" : body);
    });
    CHECK((worker->read_body(request) == body));
    uploader.join();
    worker->respond(request, "done");
    const Response response = client.receive();
    CHECK(response.body == "done");
    CHECK(response.headers.count("connection") == 0);

    client.send(get("/next"));
    worker->respond(worker->take(), "next");
    CHECK(client.receive().body == "next");
}

TEST_CASE("expect: an application that answers without reading spares the client its body", "[balancer]") {
    Balancer sut({}, GENERATE(1U, 2U));
    const auto worker = sut.add_worker();
    Client client = sut.connect();
    client.send(expecting(1'000'000));

    const auto request = worker->take();
    worker->head(request, 403, {{"Content-Length", "2"}}, "no", true);

    const Response response = client.receive();
    CHECK(response.status == 403);
    CHECK(response.body == "no");
    CHECK(response.headers.at("connection") == "close");  // whether the body still comes cannot be known
    CHECK(client.ended());
}

TEST_CASE("expect: a worker that asks for the body without end is given up, and its client gets one 100 Continue",
          "[balancer]") {
    Balancer sut;
    const auto worker = sut.add_worker();
    Client client = sut.connect();
    client.send(expecting(4));

    const auto request = worker->take();
    for (int count = 0; count < 100; ++count) {
        worker->publish(request, ipc::ResponseKind::Continue, false);
    }

    CHECK(sut.expect<ipc::ProtocolViolation>().violation == ipc::Violation::Order);
    CHECK(client.receive().status == 100);
    sut.dead(worker->id());
    CHECK(client.receive().status == 502);
}

TEST_CASE("expect: a client that does not wait needs no 100 Continue", "[balancer]") {
    Balancer sut({}, GENERATE(1U, 2U));
    const auto worker = sut.add_worker();
    Client client = sut.connect();

    SECTION("because the body comes along with the head: it is buffered") {
        client.send(expecting(4) + "bo");
        CHECK_FALSE(worker->has_request(50ms));
        client.send("dy");
        const auto request = worker->take();
        CHECK(request.whole);
        CHECK(request.body == "body");
        worker->respond(request, "done");
    }
    SECTION("because it lost patience before the application read") {
        client.send(expecting(4));
        const auto request = worker->take();
        client.send("body");
        CHECK(worker->read_body(request) == "body");
        worker->publish(request, ipc::ResponseKind::Continue, false);
        worker->respond(request, "done");
    }
    const Response response = client.receive();
    CHECK(response.status == 200);
    CHECK(response.body == "done");
}

TEST_CASE("expect: HTTP/1.0 knows no 100 Continue", "[balancer]") {
    Balancer sut;
    const auto worker = sut.add_worker();
    Client client = sut.connect();

    client.send(expecting(4, "1.0"));
    CHECK_FALSE(worker->has_request(50ms));
    client.send("body");

    const auto request = worker->take();
    CHECK(request.body == "body");
    worker->publish(request, ipc::ResponseKind::Continue, false);
    worker->respond(request, "done");
    CHECK(client.receive().status == 200);
}

TEST_CASE("expect: a body over the limit is refused before it is asked for", "[balancer]") {
    config::Config config;
    config.http.max_body_bytes = 3;
    Balancer sut(config, GENERATE(1U, 2U));
    const auto worker = sut.add_worker();
    Client client = sut.connect();

    SECTION("by its declared length") {
        client.send(expecting(4));
        CHECK(client.receive().status == 413);
        CHECK_FALSE(worker->has_request());
    }
    SECTION("by what comes of it") {
        client.send("POST / HTTP/1.1\r\nHost: t\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n");
        const auto request = worker->take();
        client.send("4\r\nbody");
        CHECK(client.receive().status == 413);
        CHECK_FALSE(worker->read_body(request).has_value());
        worker->publish(request, ipc::ResponseKind::Failed, true);
    }
    CHECK(client.ended());
}

TEST_CASE("expect: the client's time for its body begins with the 100 Continue", "[balancer]") {
    Balancer sut(impatient());
    const auto worker = sut.add_worker();
    Client client = sut.connect();
    client.send(expecting(4));
    const auto request = worker->take();

    CHECK_FALSE(wait_until([&] { return client.readable(); }, kLongerThanImpatient));

    worker->publish(request, ipc::ResponseKind::Continue, false);
    CHECK(client.receive().status == 100);
    CHECK(client.receive().status == 408);
    CHECK(client.ended());
    CHECK_FALSE(worker->read_body(request).has_value());
    worker->publish(request, ipc::ResponseKind::Failed, true);
}

TEST_CASE("expect: an application that begins its answer and then reads is not left waiting", "[balancer]") {
    Balancer sut(impatient());
    const auto worker = sut.add_worker();
    Client client = sut.connect();
    client.send(expecting(4));
    const auto request = worker->take();
    worker->head(request, 200, {{"Content-Length", "8"}}, "halfway,", false);

    CHECK_FALSE(worker->read_body(request).has_value());  // this client will not send it any more
    worker->publish(request, ipc::ResponseKind::End, true);

    const Response response = client.receive();
    CHECK(response.status == 200);
    CHECK(response.body == "halfway,");
    CHECK(client.ended());
}

TEST_CASE("expect: a long answer to a client that keeps its body is not cut off", "[balancer]") {
    Balancer sut(impatient());
    const auto worker = sut.add_worker();
    Client client = sut.connect();
    client.send(expecting(4));
    const auto request = worker->take();
    worker->head(request, 200, {{"Content-Length", "7"}}, "one", false);
    CHECK(client.receive_until("one").find("200") != std::string::npos);

    CHECK_FALSE(wait_until([&] { return client.readable(); }, kLongerThanImpatient));

    worker->body(request, " two", true);
    CHECK(client.receive_until("two") == " two");
    CHECK(client.ended());
}

TEST_CASE("expect: a request that moves to another worker keeps its body and gets one 100 Continue", "[balancer]") {
    Balancer sut({}, GENERATE(1U, 2U));
    const auto victim = sut.add_worker();
    Client client = sut.connect();
    client.send(expecting(100'000));

    SECTION("before it was claimed, with a part of its body") {
        REQUIRE(victim->has_request(kPatience));
        client.send(std::string(40'000, 'b'));
        sut.dead(victim->id());
        const auto heir = sut.add_worker();
        const auto request = heir->take();
        heir->publish(request, ipc::ResponseKind::Continue, false);
        client.send(std::string(60'000, 'b'));
        CHECK((heir->read_body(request) == std::string(100'000, 'b')));
        heir->respond(request, "ok");
        CHECK(client.receive().status == 200);
    }
    SECTION("before it was claimed, without any of it") {
        REQUIRE(victim->has_request(kPatience));
        sut.dead(victim->id());
        const auto heir = sut.add_worker();
        const auto request = heir->take();
        heir->publish(request, ipc::ResponseKind::Continue, false);
        CHECK(client.receive().status == 100);
        client.send(std::string(100'000, 'b'));
        CHECK((heir->read_body(request) == std::string(100'000, 'b')));
        heir->respond(request, "ok");
        CHECK(client.receive().status == 200);
    }
    SECTION("not after the application asked for the body") {
        const auto request = victim->take();
        victim->publish(request, ipc::ResponseKind::Continue, false);
        CHECK(client.receive().status == 100);
        sut.dead(victim->id());
        const auto heir = sut.add_worker();
        CHECK(client.receive().status == 502);
        CHECK_FALSE(heir->has_request(50ms));
    }
}

TEST_CASE("expect: a client that leaves instead of sending its body frees the application", "[balancer]") {
    Balancer sut({}, GENERATE(1U, 2U));
    const auto worker = sut.add_worker();
    Client client = sut.connect();
    client.send(expecting(4));
    const auto request = worker->take();
    worker->publish(request, ipc::ResponseKind::Continue, false);
    CHECK(client.receive().status == 100);

    client.close();

    CHECK_FALSE(worker->read_body(request).has_value());
    worker->publish(request, ipc::ResponseKind::Failed, true);
}

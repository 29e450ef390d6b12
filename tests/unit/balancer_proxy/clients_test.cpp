// Connections turn by turn: nothing that a client sent or did is overlooked although it is told once, nobody is
// starved, and the loop sleeps when there is nothing to do.
#include "clients_rig.h"

#include <algorithm>

using namespace fettle;
using namespace fettle::test;
using namespace std::chrono_literals;

namespace {

constexpr std::string_view kGet = "GET / HTTP/1.1\r\nHost: t\r\n\r\n";
// More than the clients' shared read buffer holds.
constexpr std::size_t kBurst = 200'000;

// Turns that end by the timer and by what the kernel still had to tell; a busy loop makes thousands.
constexpr int kFewTurns = 10;

std::string repeated(std::string_view text, std::size_t count) {
    std::string all;
    for (std::size_t number = 0; number < count; ++number) {
        all += text;
    }
    return all;
}

std::size_t count(std::string_view text, std::string_view word) {
    std::size_t found = 0;
    for (std::size_t at = 0; (at = text.find(word, at)) != std::string_view::npos; at += word.size()) {
        ++found;
    }
    return found;
}

config::Config answering_half_closed() {
    config::Config config;
    config.http.half_close = config::HalfClose::Answer;
    return config;
}

}  // namespace

TEST_CASE("clients: requests that come faster than they are read are all answered", "[balancer]") {
    InstantDispatcher dispatcher;
    ClientsRig rig(dispatcher);
    ClientEnd client = rig.connect(GENERATE(Transport::Unix, Transport::Tcp));
    constexpr std::size_t kRequests = 20'000;
    const std::string requests = repeated(kGet, kRequests);

    std::size_t sent = 0;
    std::size_t answers = 0;
    std::string received;
    for (int turn = 0; turn < 5000 && answers < kRequests; ++turn) {
        sent += client.send(std::string_view(requests).substr(sent));
        rig.turn();
        received += client.receive();
        answers = count(received, "instant");
    }

    CHECK(answers == kRequests);
    CHECK_FALSE(rig.sut.has_input());
    CHECK(rig.turns_in_a_while() < kFewTurns);
}

TEST_CASE("clients: one that closes right behind its request has left, by default", "[balancer]") {
    HoldingDispatcher dispatcher;
    ClientsRig rig(dispatcher);
    ClientEnd client = rig.connect(GENERATE(Transport::Unix, Transport::Tcp));
    const bool half = GENERATE(false, true);

    client.send(kGet);
    half ? client.finish_sending() : client.close();
    rig.turn(3);

    CHECK(dispatcher.held.size() == 1);
    CHECK(rig.sut.connections() == 0);
    CHECK(rig.sut.quiet());
    CHECK(rig.turns_in_a_while() < kFewTurns);
}

TEST_CASE("clients: one that has nothing more to send gets its answer, and the loop sleeps until then", "[balancer]") {
    HoldingDispatcher dispatcher;
    ClientsRig rig(dispatcher, answering_half_closed());
    ClientEnd client = rig.connect(GENERATE(Transport::Unix, Transport::Tcp));
    const bool at_once = GENERATE(false, true);

    client.send(kGet);
    if (!at_once) {
        rig.turn(2);
    }
    client.finish_sending();
    rig.turn(3);

    REQUIRE(rig.sut.connections() == 1);
    CHECK(rig.turns_in_a_while() < kFewTurns);
    dispatcher.answer("answer");
    rig.turn();
    CHECK(count(client.receive(), "answer") == 1);
    CHECK(client.ended);
    CHECK(rig.sut.quiet());
}

TEST_CASE("clients: a burst of requests before the end of input is answered to the last one", "[balancer]") {
    HoldingDispatcher dispatcher;
    ClientsRig rig(dispatcher, answering_half_closed());
    ClientEnd client = rig.connect(Transport::Tcp);
    constexpr std::size_t kRequests = kBurst / kGet.size();
    REQUIRE(client.send(repeated(kGet, kRequests)) == kRequests * kGet.size());
    client.finish_sending();
    rig.turn(5);
    CHECK(rig.turns_in_a_while() < kFewTurns);  // one request runs, and enough of the others is here

    std::string received;
    for (std::size_t number = 1; number <= kRequests && dispatcher.held.size() == number; ++number) {
        dispatcher.answer("answer");
        rig.turn(2);
        received += client.receive();
    }

    CHECK(count(received, "answer") == kRequests);
    CHECK(client.ended);
    CHECK(rig.sut.quiet());
}

TEST_CASE("clients: one of a Unix socket that closed both ways has left, whatever half_close says", "[balancer]") {
    HoldingDispatcher dispatcher;
    ClientsRig rig(dispatcher, answering_half_closed());
    ClientEnd client = rig.connect();
    const bool at_once = GENERATE(false, true);

    client.send(kGet);
    if (!at_once) {
        rig.turn(2);
    }
    client.close();
    rig.turn(3);

    CHECK(dispatcher.held.size() == 1);
    CHECK(rig.sut.quiet());
}

TEST_CASE("clients: one that closes with our answer unread is gone", "[balancer]") {
    InstantDispatcher dispatcher;
    ClientsRig rig(dispatcher);
    ClientEnd client = rig.connect(GENERATE(Transport::Unix, Transport::Tcp));
    client.send(kGet);
    rig.turn(2);
    CHECK(dispatcher.dispatched == 1);

    client.close();
    rig.turn(2);

    CHECK(rig.sut.quiet());
}

TEST_CASE("clients: one that hangs up behind more than we read ahead has left", "[balancer]") {
    HoldingDispatcher dispatcher;
    ClientsRig rig(dispatcher);
    ClientEnd client = rig.connect();
    const bool at_once = GENERATE(false, true);
    REQUIRE(client.send(repeated(kGet, 5000)) == 5000 * kGet.size());
    if (!at_once) {
        rig.turn(5);
        CHECK(rig.sut.connections() == 1);
    }

    client.close();
    rig.turn(5);

    CHECK(dispatcher.held.size() == 1);
    CHECK(rig.sut.quiet());
    CHECK(rig.turns_in_a_while() < kFewTurns);
}

TEST_CASE("clients: while one request runs, we read so much ahead and sleep", "[balancer]") {
    HoldingDispatcher dispatcher;
    ClientsRig rig(dispatcher);
    ClientEnd client = rig.connect(GENERATE(Transport::Unix, Transport::Tcp));
    const std::string requests = repeated(kGet, 1'000'000 / kGet.size());

    std::size_t sent = 0;
    for (int turn = 0; turn < 20; ++turn) {
        sent += client.send(std::string_view(requests).substr(sent));
        rig.turn();
    }

    CHECK(dispatcher.held.size() == 1);
    CHECK_FALSE(rig.sut.has_input());
    CHECK(rig.turns_in_a_while() < kFewTurns);
    dispatcher.answer("answer");
    rig.turn(2);
    CHECK(dispatcher.held.size() == 2);
}

TEST_CASE("clients: a streamed body that is not taken yet is not read either, and the loop sleeps", "[balancer]") {
    HoldingDispatcher dispatcher;
    config::Config config;
    config.http.stream_body = true;
    ClientsRig rig(dispatcher, config);
    ClientEnd client = rig.connect(GENERATE(Transport::Unix, Transport::Tcp));
    client.send("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 10000000\r\n\r\n");
    const std::string body(1'000'000, 'x');
    std::size_t sent = 0;
    const auto push = [&] {
        for (int turn = 0; turn < 20; ++turn) {
            sent += client.send(std::string_view(body).substr(sent));
            rig.turn();
        }
    };
    push();
    REQUIRE(dispatcher.held.size() == 1);
    balancer::Exchange& exchange = *dispatcher.held.front();
    REQUIRE(exchange.body.congested());
    CHECK(exchange.body.received() < kBurst + 64 * 1024);
    CHECK_FALSE(rig.sut.has_input());
    CHECK(rig.turns_in_a_while() < kFewTurns);

    // The worker takes it, again and again: the client goes on although nothing new arrived at the socket.
    for (int round = 0; round < 100 && exchange.body.received() < body.size(); ++round) {
        exchange.body.consume(exchange.body.data().size());
        exchange.body.forget_consumed();
        exchange.client->on_request_body_progress();
        push();
    }

    CHECK(exchange.body.received() == body.size());
}

TEST_CASE("clients: one that sends without a pause does not starve the others", "[balancer]") {
    InstantDispatcher dispatcher;
    ClientsRig rig(dispatcher);
    ClientEnd greedy = rig.connect(GENERATE(Transport::Unix, Transport::Tcp));
    std::vector<ClientEnd> others;
    for (int number = 0; number < 3; ++number) {
        others.push_back(rig.connect());
    }
    const std::string upload = "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 60000\r\n\r\n" + std::string(60'000, 'x');
    std::size_t uploaded = 0;
    int starved = 0;

    for (int round = 0; round < 100; ++round) {
        for (std::size_t sent = 1; sent > 0; uploaded += sent) {  // until its socket is full
            sent = greedy.send(std::string_view(upload).substr(uploaded % upload.size()));
        }
        for (const ClientEnd& other : others) {
            other.send(kGet);
        }
        rig.turn(2);
        for (ClientEnd& other : others) {
            starved += count(other.receive(), "instant") == 1 ? 0 : 1;
        }
        (void)greedy.receive();
    }

    CHECK(starved == 0);
    CHECK(uploaded > 100 * 64 * 1024);  // the greedy one was served, too, and always had more
}

TEST_CASE("clients: a refused upload is read away for a moment, without keeping the loop busy", "[balancer]") {
    InstantDispatcher dispatcher;
    config::Config config;
    config.http.max_body_bytes = 1000;
    ClientsRig rig(dispatcher, config);
    ClientEnd client = rig.connect(GENERATE(Transport::Unix, Transport::Tcp));
    client.send("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 100000000\r\n\r\n");
    const std::string body(kBurst, 'x');

    std::string received;
    std::size_t taken = 0;
    for (int turn = 0; turn < 20; ++turn) {
        taken += client.send(body);
        rig.turn();
        received += client.receive();
    }

    CHECK(received.starts_with("HTTP/1.1 413 "));
    CHECK(taken > kBurst);
    CHECK(client.ended);
    REQUIRE(rig.sut.connections() == 1);
    rig.turn(20);
    CHECK(rig.turns_in_a_while() < kFewTurns);
    if (GENERATE(false, true)) {
        client.close();
        rig.turn(3);
    } else {
        rig.pass(3s);
    }
    CHECK(rig.sut.quiet());
}

TEST_CASE("clients: stopping takes the request that waits in the socket, and closes who has none", "[balancer]") {
    HoldingDispatcher dispatcher;
    ClientsRig rig(dispatcher);
    ClientEnd asks = rig.connect();
    ClientEnd silent = rig.connect();
    ClientEnd served = rig.connect();
    served.send(kGet);
    rig.turn(2);
    dispatcher.answer("answer");
    rig.turn();
    CHECK(rig.sut.connections() == 3);
    asks.send(repeated(kGet, 2));

    rig.sut.stop();
    rig.turn(2);

    CHECK(rig.sut.connections() == 2);
    CHECK(dispatcher.held.size() == 2);
    CHECK(rig.turns_in_a_while() < kFewTurns);
    dispatcher.answer("answer");
    rig.turn(2);
    CHECK(count(asks.receive(), "Connection: close") == 1);
    asks.close();
    rig.pass(1500ms);  // longer than a farewell
    CHECK(rig.sut.quiet());
    (void)silent.receive();
    CHECK(silent.ended);
}

TEST_CASE("clients: all may be closed while some have more to be read", "[balancer]") {
    InstantDispatcher dispatcher;
    ClientsRig rig(dispatcher);
    std::vector<ClientEnd> clients;
    for (int number = 0; number < 3; ++number) {
        clients.push_back(rig.connect());
        clients.back().send(repeated(kGet, 5000));
    }
    rig.turn();
    REQUIRE(rig.sut.has_input());

    rig.sut.close_all();

    CHECK_FALSE(rig.sut.has_input());
    CHECK(rig.sut.quiet());
    rig.turn(3);
}

TEST_CASE("clients: a connection may end because of what another one sent in the same turn", "[balancer]") {
    HoldingDispatcher dispatcher;
    ClientsRig rig(dispatcher);
    ClientEnd first = rig.connect();
    first.send(kGet);
    rig.turn(2);
    REQUIRE(dispatcher.held.size() == 1);
    balancer::Exchange& ending = *dispatcher.held.front();
    dispatcher.answer("begun", false);
    rig.turn();
    ClientEnd second = rig.connect();
    dispatcher.on_dispatch = [&] {
        if (ending.client != nullptr) {
            ending.client->on_failure(balancer::Failure::WorkerDied, 0);  // cuts the first client off
        }
    };

    second.send(kGet);
    first.send(repeated(kGet, 3000));
    if (GENERATE(false, true)) {
        first.send("more");
        first.finish_sending();
    }
    rig.turn(3);

    CHECK(rig.sut.connections() == 1);
    CHECK(dispatcher.held.size() == 2);
    (void)first.receive();
    CHECK((first.ended || first.reset));
    dispatcher.answer("answer");
    rig.turn();
    CHECK(count(second.receive(), "answer") == 1);
}

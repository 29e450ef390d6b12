// The seam between clients and workers: connections with something simple behind dispatch().
#include "balancer/proxy/clients.h"
#include "base/clock.h"
#include "ipc/response_record.h"
#include "loop/loop.h"

#include <catch2/catch.hpp>

#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <optional>
#include <string>
#include <vector>

using namespace fettle;
using namespace fettle::balancer;

namespace {

// Answers every request before dispatch() returns.
class InstantDispatcher final : public Dispatcher {
  public:
    void dispatch(Exchange& exchange) override {
        ++dispatched;
        constexpr std::string_view kBody = "instant";
        std::vector<std::byte> bytes(ipc::response_record_bytes(0, 0, 0, kBody.size()));
        const ipc::ResponseRecord record{.status = 200, .body_bytes = kBody.size()};
        std::memcpy(bytes.data(), &record, sizeof(record));
        std::memcpy(bytes.data() + sizeof(record), kBody.data(), kBody.size());
        (void)exchange.client->on_head(*ipc::ResponseReader::parse(bytes), true);
    }

    void body_progress(Exchange&) override {}

    void client_took(Exchange&) override {}

    void client_left(Exchange&) override {}

    int dispatched = 0;
};

}  // namespace

TEST_CASE("seam: a thousand pipelined requests are answered in one go without piling up on the stack", "[balancer]") {
    int pair[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) == 0);
    const Fd client(pair[0]);
    const config::Config config;
    const SteadyClock steady;
    const TurnClock clock{steady};
    const Address server{.host = "test", .port = 0, .is_unix = true};
    loop::Loop loop;
    ExchangePool exchanges;
    InstantDispatcher dispatcher;
    constexpr int kRequests = 1000;
    std::string received;
    {
        Clients sut({.loop = loop, .clock = clock, .config = config, .exchanges = exchanges}, dispatcher);
        sut.adopt(Fd(pair[1]), {}, server);
        loop::TurnHooks hooks(
                loop, [&] { return sut.end_turn(), false; }, [] {});
        std::string requests;
        for (int number = 0; number < kRequests; ++number) {
            requests += "GET / HTTP/1.1\r\nHost: t\r\n\r\n";
        }
        REQUIRE(::send(client.get(), requests.data(), requests.size(), 0) == static_cast<ssize_t>(requests.size()));

        std::size_t answers = 0;
        auto poll = loop::Poll::create(loop, client.get(), [&](loop::Readiness) {
            char bytes[65536];
            const ssize_t got = ::recv(client.get(), bytes, sizeof(bytes), 0);
            if (got <= 0) {
                loop.stop();
                return;
            }
            received.append(bytes, static_cast<std::size_t>(got));
            answers = 0;
            for (std::size_t at = 0; (at = received.find("instant", at)) != std::string::npos; ++at) {
                ++answers;
            }
            if (answers == kRequests) {
                loop.stop();
            }
        });
        REQUIRE(poll.has_value());
        poll->set(loop::Interest::Read);
        loop.run();

        CHECK(answers == kRequests);
        CHECK(sut.connections() == 1);
    }
    CHECK(dispatcher.dispatched == kRequests);
    CHECK(exchanges.in_use() == 0);
}

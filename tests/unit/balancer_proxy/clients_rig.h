// The clients' side of a balancer thread with the test in the place of the clients, of the workers' side and of the
// clock. The loop turns when the test says so.
#pragma once

#include "balancer/proxy/clients.h"
#include "base/clock.h"
#include "base/fd.h"
#include "ipc/response_record.h"
#include "loop/loop.h"

#include <catch2/catch.hpp>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fettle::test {

// A response record (ipc/response_record.h): 200, no headers, this body.
inline std::vector<std::byte> response_record(std::string_view body) {
    const ipc::ResponseRecord record{.status = 200, .body_bytes = static_cast<std::uint32_t>(body.size())};
    std::vector<std::byte> bytes(sizeof(record) + body.size());
    std::memcpy(bytes.data(), &record, sizeof(record));
    std::memcpy(bytes.data() + sizeof(record), body.data(), body.size());
    return bytes;
}

// Answers every request before dispatch() returns.
class InstantDispatcher final : public balancer::Dispatcher {
  public:
    void dispatch(balancer::Exchange& exchange) override {
        ++dispatched;
        (void)exchange.client->on_head(*ipc::ResponseReader::parse(record_), true);
    }

    void body_progress(balancer::Exchange&) override {}

    void client_took(balancer::Exchange&) override {}

    void client_left(balancer::Exchange&) override {}

    int dispatched = 0;

  private:
    std::vector<std::byte> record_ = response_record("instant");
};

// Keeps every request until the test answers it.
class HoldingDispatcher final : public balancer::Dispatcher {
  public:
    void dispatch(balancer::Exchange& exchange) override {
        held.push_back(&exchange);
        if (on_dispatch) {
            on_dispatch();
        }
    }

    void body_progress(balancer::Exchange&) override {}

    void client_took(balancer::Exchange&) override {}

    void client_left(balancer::Exchange&) override {}

    // Answers the newest request; with `last` = false more of the body would follow.
    void answer(std::string_view body, bool last = true) {
        const std::vector<std::byte> record = response_record(body);
        (void)held.back()->client->on_head(*ipc::ResponseReader::parse(record), last);
    }

    std::vector<balancer::Exchange*> held;
    std::function<void()> on_dispatch;
};

class ManualClock final : public Clock {
  public:
    [[nodiscard]] TimePoint now() const override { return time; }

    TimePoint time{std::chrono::hours(1)};
};

enum class Transport { Tcp, Unix };

// The client's end of a connection; nothing blocks.
class ClientEnd {
  public:
    explicit ClientEnd(Fd socket) : socket_(std::move(socket)) {}

    // Returns how many bytes the socket took.
    std::size_t send(std::string_view bytes) const {
        std::size_t total = 0;
        while (total < bytes.size()) {
            const ssize_t sent = ::send(socket_.get(), bytes.data() + total, bytes.size() - total, MSG_NOSIGNAL);
            if (sent < 0) {
                break;
            }
            total += static_cast<std::size_t>(sent);
        }
        return total;
    }

    // What has come since the last call.
    std::string receive() {
        std::string text;
        std::array<char, 65536> buffer{};
        while (true) {
            const ssize_t got = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
            if (got <= 0) {
                ended = ended || got == 0;
                reset = reset || (got < 0 && errno != EAGAIN);
                return text;
            }
            text.append(buffer.data(), static_cast<std::size_t>(got));
        }
    }

    void finish_sending() const { REQUIRE(::shutdown(socket_.get(), SHUT_WR) == 0); }

    void close() { socket_.reset(); }

    bool ended = false;  // seen by receive()
    bool reset = false;  // likewise

  private:
    Fd socket_;
};

class ClientsRig {
  public:
    explicit ClientsRig(balancer::Dispatcher& dispatcher, const config::Config& settings = {})
        : config(settings),
          sut({.loop = loop_, .clock = turn_clock_, .config = config, .exchanges = exchanges}, dispatcher) {}

    // A new connection, accepted.
    ClientEnd connect(Transport transport = Transport::Unix) {
        auto [client, server] = transport == Transport::Unix ? unix_pair() : tcp_pair();
        sut.adopt(std::move(server), {}, server_);
        return ClientEnd(std::move(client));
    }

    // Turns of the loop that do not wait for anything. Allocates nothing.
    void turn(int count = 1) {
        turns_left_ = count;
        loop_.run();
    }

    // The turns that the loop makes in a few milliseconds, waiting as the balancer's thread does.
    int turns_in_a_while() {
        loop::Timer timer(loop_, [&] {
            waits_ = false;
            turns_left_ = 1;
        });
        timer.start(std::chrono::milliseconds(20));
        waits_ = true;
        turns_ = 0;
        loop_.run();
        return turns_;
    }

    // Time passes, and what is due happens.
    void pass(Duration time) {
        clock_.time += time;
        turn_clock_.advance();
        sut.deadlines().expire(turn_clock_.now());
        turn(2);
    }

    const config::Config config;
    balancer::ExchangePool exchanges;

  private:
    // As BalancerThread does.
    bool before_sleep() {
        ++turns_;
        sut.end_turn();
        turn_clock_.advance();
        return !waits_ || sut.has_input();
    }

    void after_sleep() {
        turn_clock_.advance();
        if (!waits_ && --turns_left_ == 0) {
            loop_.stop();
        }
    }

    static std::pair<Fd, Fd> unix_pair() {
        std::array<int, 2> pair{};
        REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair.data()) == 0);
        return {Fd(pair[0]), Fd(pair[1])};
    }

    static std::pair<Fd, Fd> tcp_pair() {
        const Fd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t length = sizeof(address);
        auto* generic = reinterpret_cast<sockaddr*>(&address);
        REQUIRE(::bind(listener.get(), generic, length) == 0);
        REQUIRE(::listen(listener.get(), 1) == 0);
        REQUIRE(::getsockname(listener.get(), generic, &length) == 0);
        Fd client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        REQUIRE(::connect(client.get(), generic, length) == 0);
        Fd server(::accept4(listener.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
        REQUIRE(server.valid());
        REQUIRE(::fcntl(client.get(), F_SETFL, O_NONBLOCK) == 0);
        return {std::move(client), std::move(server)};
    }

    const balancer::Address server_{.host = "test", .port = 0, .is_unix = true};
    ManualClock clock_;
    balancer::TurnClock turn_clock_{clock_};
    loop::Loop loop_;

    bool waits_ = false;
    int turns_ = 0;
    int turns_left_ = 0;

  public:
    balancer::Clients sut;

  private:
    loop::TurnHooks hooks_{loop_, [this] { return before_sleep(); }, [this] { after_sleep(); }};
};

}  // namespace fettle::test

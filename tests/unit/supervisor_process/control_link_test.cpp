#include "supervisor/process/control_link.h"

#include <catch2/catch.hpp>

#include <sys/eventfd.h>
#include <unistd.h>

using namespace fettle;
using namespace fettle::supervisor;
using namespace std::chrono_literals;

namespace {

// A link and its peer, which reads only when it is told to.
struct Link {
    explicit Link(Duration stall_limit = ControlLink::kStallLimit) {
        auto pair = ipc::ControlSocket::make_pair();
        REQUIRE(pair);
        peer = std::move(pair->second);
        auto opened = ControlLink::open(
                loop, std::move(pair->first),
                {.message = [this](ipc::Envelope& envelope) { received.push_back(std::move(envelope)); },
                 .closed = [this] { ++closed; },
                 .stalled = [this] { ++stalled; }},
                stall_limit);
        REQUIRE(opened);
        link = std::move(*opened);
    }

    void run_for(Duration duration) {
        loop::Timer end(loop, [this] { loop.stop(); });
        end.start(duration);
        loop.run();
    }

    // The seat numbers of the next `count` messages.
    std::vector<std::uint32_t> read_seats(std::size_t count) {
        std::vector<std::uint32_t> seats;
        while (seats.size() < count) {
            ipc::Envelope envelope;
            REQUIRE(peer.receive(envelope) == ipc::ControlSocket::Status::Message);
            const auto message = envelope.as<ipc::ForkWorker>();
            REQUIRE(message);
            REQUIRE(envelope.fds.size() == (message->worker.seat % 10 == 0 ? 1 : 0));
            seats.push_back(message->worker.seat);
            if (seats.size() % 50 == 0) {
                run_for(0ms);  // the link writes on
            }
        }
        return seats;
    }

    loop::Loop loop;
    ipc::ControlSocket peer;
    std::unique_ptr<ControlLink> link;
    std::vector<ipc::Envelope> received;
    int closed = 0;
    int stalled = 0;
};

ipc::ForkWorker message_to(std::uint32_t seat) {
    return {.worker = {.seat = seat, .incarnation = 1}};
}

}  // namespace

TEST_CASE("a thousand messages reach a child that reads late, in order and with their descriptors") {
    Link world;
    std::vector<std::uint32_t> expected;
    for (std::uint32_t seat = 0; seat < 1000; ++seat) {
        const Fd fd(::eventfd(0, EFD_CLOEXEC));
        const int fds[] = {fd.get()};
        REQUIRE(world.link->send(message_to(seat),
                                 seat % 10 == 0 ? std::span<const int>(fds) : std::span<const int>()));
        expected.push_back(seat);
    }
    CHECK(world.read_seats(1000) == expected);
    world.run_for(1ms);
    CHECK(world.stalled == 0);
    // Nothing waits any more: the next one goes at once.
    REQUIRE(world.link->send(message_to(7)));
    ipc::Envelope envelope;
    CHECK(world.peer.receive(envelope) == ipc::ControlSocket::Status::Message);
}

TEST_CASE("a child that reads nothing is reported as stalled, one that reads a little is not") {
    Link silent(20ms);
    for (std::uint32_t seat = 1; seat < 1000; ++seat) {
        REQUIRE(silent.link->send(message_to(seat * 10 + 1)));
    }
    silent.run_for(50ms);
    CHECK(silent.stalled == 1);

    Link slow(300ms);
    for (std::uint32_t seat = 1; seat < 1000; ++seat) {
        REQUIRE(slow.link->send(message_to(seat * 10 + 1)));
    }
    for (int round = 0; round < 19; ++round) {  // longer than the limit in all
        slow.run_for(20ms);
        (void)slow.read_seats(50);
    }
    CHECK(slow.stalled == 0);
}

TEST_CASE("a child that never reads cannot fill our memory") {
    Link world;
    std::size_t kept = 0;
    for (;;) {
        const auto sent = world.link->send(message_to(1));
        if (!sent) {
            CHECK(sent.error().code.value() == EAGAIN);
            break;
        }
        ++kept;
        REQUIRE(kept < 100000);
    }
    CHECK(kept > ControlLink::kMaxWaiting);
}

TEST_CASE("what a child said before it left is read, then its end is told once") {
    Link world;
    for (std::uint32_t seat = 0; seat < 200; ++seat) {
        REQUIRE(world.peer.send(message_to(seat)));
    }
    world.peer = ipc::ControlSocket();
    world.link->read_rest();
    CHECK(world.received.size() == 200);
    CHECK(world.received.back().sender_pid == ::getpid());
    CHECK(world.closed == 1);
    world.run_for(1ms);
    CHECK(world.closed == 1);
    CHECK_FALSE(world.link->send(message_to(1)));
}

TEST_CASE("a message that is none ends the link") {
    Link world;
    REQUIRE(::write(world.peer.fd(), "nonsense", 8) == 8);
    world.run_for(1ms);
    CHECK(world.closed == 1);
    CHECK(world.received.empty());
}

TEST_CASE("a closed link tells its child and nobody else") {
    Link world;
    for (std::uint32_t seat = 1; seat < 1000; ++seat) {
        REQUIRE(world.link->send(message_to(seat * 10 + 1)));
    }
    world.link->close();
    world.run_for(1ms);
    CHECK(world.closed == 0);
    ipc::Envelope envelope;
    while (world.peer.receive(envelope) == ipc::ControlSocket::Status::Message) {
    }
    CHECK(world.peer.receive(envelope) == ipc::ControlSocket::Status::Closed);
}

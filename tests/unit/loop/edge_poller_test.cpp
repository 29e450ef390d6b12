// EdgePoller on real sockets: what a target is told, and when.
#include "loop/edge_poller.h"

#include "base/fd.h"

#include <catch2/catch.hpp>

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

using namespace fettle;
using namespace fettle::loop;
using namespace std::chrono_literals;

namespace {

using Events = EdgePoller::Events;

// The watched end of a pair of sockets, with what was told of it.
struct Watched final : EdgePoller::Target {
    Watched() {
        std::array<int, 2> pair{};
        REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair.data()) == 0);
        ours = Fd(pair[0]);
        peer = Fd(pair[1]);
    }

    void on_events(Events events) override {
        told.push_back(events);
        if (reaction) {
            reaction();
        }
    }

    void receive_from_peer(std::string_view text) const {
        REQUIRE(::send(peer.get(), text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size()));
    }

    [[nodiscard]] std::string read() const {
        std::array<char, 4096> bytes{};
        const ssize_t got = ::recv(ours.get(), bytes.data(), bytes.size(), 0);
        return {bytes.data(), got > 0 ? static_cast<std::size_t>(got) : 0};
    }

    // Writes until the socket takes no further byte.
    void fill() const {
        const std::string filling(4096, '.');
        while (::send(ours.get(), filling.data(), filling.size(), MSG_NOSIGNAL) > 0) {
        }
        while (::send(ours.get(), filling.data(), 1, MSG_NOSIGNAL) > 0) {
        }
    }

    void empty_at_peer() const {
        std::array<char, 65536> bytes{};
        while (::recv(peer.get(), bytes.data(), bytes.size(), 0) > 0) {
        }
    }

    Fd ours;
    Fd peer;
    std::vector<Events> told;
    std::function<void()> reaction;
};

struct Rig {
    Loop loop;
    EdgePoller sut{loop};

    // Turns of the loop that do not wait for anything.
    void turn(int count = 3) {
        TurnHooks hooks(
                loop, [] { return true; },
                [&] {
                    if (--count == 0) {
                        loop.stop();
                    }
                });
        loop.run();
    }
};

}  // namespace

TEST_CASE("edge poller: bytes are told once, and again only when more come", "[loop]") {
    Rig rig;
    Watched target;
    REQUIRE(rig.sut.add(target.ours.get(), target));

    rig.turn();
    CHECK(target.told.empty());

    target.receive_from_peer("first");
    rig.turn();
    REQUIRE(target.told.size() == 1);
    CHECK(target.told[0].readable);
    CHECK_FALSE(target.told[0].ended);
    CHECK_FALSE(target.told[0].writable);

    target.receive_from_peer("second");  // while the first is still unread
    rig.turn();
    CHECK(target.told.size() == 2);
    CHECK(target.read() == "firstsecond");
}

TEST_CASE("edge poller: bytes that came before the socket was added are told", "[loop]") {
    Rig rig;
    Watched target;
    target.receive_from_peer("early");

    REQUIRE(rig.sut.add(target.ours.get(), target));
    rig.turn();

    REQUIRE(target.told.size() == 1);
    CHECK(target.told[0].readable);
}

TEST_CASE("edge poller: the end of input is told together with the bytes before it", "[loop]") {
    Rig rig;
    Watched target;
    REQUIRE(rig.sut.add(target.ours.get(), target));

    target.receive_from_peer("last");
    REQUIRE(::shutdown(target.peer.get(), SHUT_WR) == 0);
    rig.turn();

    REQUIRE(target.told.size() == 1);
    CHECK(target.told[0].readable);
    CHECK(target.told[0].ended);
    CHECK_FALSE(target.told[0].hung_up);
    CHECK_FALSE(target.told[0].failed);
    CHECK(target.read() == "last");
}

TEST_CASE("edge poller: a peer that is gone has hung up, and one that left our bytes unread has failed", "[loop]") {
    Rig rig;
    Watched target;
    REQUIRE(rig.sut.add(target.ours.get(), target));
    const bool unread = GENERATE(false, true);
    if (unread) {
        REQUIRE(::send(target.ours.get(), "x", 1, MSG_NOSIGNAL) == 1);
    }

    target.peer.reset();
    rig.turn();

    REQUIRE(target.told.size() == 1);
    CHECK(target.told[0].ended);
    CHECK(target.told[0].hung_up);
    CHECK(target.told[0].failed == unread);
}

TEST_CASE("edge poller: room to write is told only to who asked for it", "[loop]") {
    Rig rig;
    Watched target;
    REQUIRE(rig.sut.add(target.ours.get(), target));
    rig.turn();
    CHECK(target.told.empty());

    rig.sut.watch_writable(target.ours.get(), target, true);
    rig.turn();
    REQUIRE(target.told.size() == 1);  // there is room already
    CHECK(target.told[0].writable);

    target.fill();
    rig.turn();
    CHECK(target.told.size() == 1);
    target.empty_at_peer();
    rig.turn();
    REQUIRE(target.told.size() == 2);
    CHECK(target.told[1].writable);

    target.fill();
    rig.sut.watch_writable(target.ours.get(), target, false);
    target.empty_at_peer();
    rig.turn();
    CHECK(target.told.size() == 2);
}

TEST_CASE("edge poller: asking for room to write tells again of bytes that are still unread", "[loop]") {
    Rig rig;
    Watched target;
    REQUIRE(rig.sut.add(target.ours.get(), target));
    target.receive_from_peer("unread");
    rig.turn();
    target.fill();

    rig.sut.watch_writable(target.ours.get(), target, true);
    rig.turn();

    REQUIRE(target.told.size() == 2);
    CHECK(target.told[1].readable);
    CHECK_FALSE(target.told[1].writable);
}

TEST_CASE("edge poller: a target may close itself and others that are ready in the same turn", "[loop]") {
    Rig rig;
    std::array<Watched, 3> targets;
    for (Watched& target : targets) {
        REQUIRE(rig.sut.add(target.ours.get(), target));
        target.reaction = [&] {
            for (Watched& other : targets) {
                other.ours.reset();
            }
        };
        target.receive_from_peer("x");
    }

    rig.turn();

    // The others may still be told what came before they were closed, once.
    for (const Watched& target : targets) {
        CHECK(target.told.size() <= 1);
    }
    CHECK_FALSE(targets[0].ours.valid());
    rig.turn();
}

TEST_CASE("edge poller: a descriptor that is used again belongs to its new target", "[loop]") {
    Rig rig;
    auto old = std::make_unique<Watched>();
    REQUIRE(rig.sut.add(old->ours.get(), *old));
    old->receive_from_peer("for the old one");
    const int number = old->ours.get();
    old.reset();

    Watched fresh;
    REQUIRE(fresh.ours.get() == number);  // the lowest that is free
    REQUIRE(rig.sut.add(fresh.ours.get(), fresh));
    rig.turn();
    CHECK(fresh.told.empty());
    fresh.receive_from_peer("x");
    rig.turn();

    CHECK(fresh.told.size() == 1);
}

TEST_CASE("edge poller: more sockets than one turn takes are all served, without another event to wake the loop",
          "[loop]") {
    constexpr std::size_t kSockets = 300;  // kEventsPerTurn is 256
    Rig rig;
    std::vector<std::unique_ptr<Watched>> targets;
    std::size_t served = 0;
    for (std::size_t number = 0; number < kSockets; ++number) {
        Watched& target = *targets.emplace_back(std::make_unique<Watched>());
        target.reaction = [&] {
            if (++served == kSockets) {
                rig.loop.stop();
            }
        };
        REQUIRE(rig.sut.add(target.ours.get(), target));
        target.receive_from_peer("x");
    }
    Timer guard(rig.loop, [&] { rig.loop.stop(); });
    guard.start(10s);

    rig.loop.run();

    CHECK(served == kSockets);
    for (const auto& target : targets) {
        CHECK(target->told.size() == 1);
    }
}

TEST_CASE("edge poller: what cannot be watched is an error", "[loop]") {
    Rig rig;
    Watched target;
    const Fd file(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC));

    const auto result = rig.sut.add(file.get(), target);

    REQUIRE_FALSE(result);
    CHECK(result.error().message().find("cannot watch a socket") != std::string::npos);
}

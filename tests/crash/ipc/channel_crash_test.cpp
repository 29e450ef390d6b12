// A process that uses a channel dies at every instruction of every operation; the survivor must find the operation
// either done or not begun, and never anything it would have to repair.

#include "tests/crash/support/kill_every_instruction.h"
#include "tests/unit/ipc/channel_fixture.h"

#include <atomic>
#include <iostream>

using namespace fettle::ipc;
using namespace fettle::test;

namespace {

struct World : BothEnds {
    RequestKey key;
};

std::unique_ptr<World> with_request() {
    auto world = std::make_unique<World>();
    world->key = push_text(world->front(), "GET /path");
    return world;
}

std::unique_ptr<World> with_claimed_request() {
    auto world = with_request();
    world->back().pop();
    REQUIRE(world->back().claim(world->key));
    return world;
}

void require_clean(const char* operation, const KillReport& report) {
    std::cout << "killed at every instruction: " << operation << ": " << report.points << " points, "
              << report.violations << " violations\n";
    INFO(report.first);
    CHECK(report.violations == 0);
    CHECK(report.points > 10);  // the walk did happen
}

// What the balancer finds in the response ring: nothing, or one message with exactly these bytes.
std::string expect_message_or_nothing(World& world, ResponseKind kind, std::string_view text, bool& present) {
    ResponseMessage message;
    switch (world.front().peek(message)) {
        case BalancerChannel::Peek::Empty:
            present = false;
            return {};
        case BalancerChannel::Peek::Violation:
            return "the dead worker looks like a violator";
        case BalancerChannel::Peek::Message:
            break;
    }
    present = true;
    if (message.kind != kind || message.key != world.key || text_of(message.payload) != text) {
        return "a torn message: '" + text_of(message.payload) + "'";
    }
    world.front().pop();
    return world.front().peek(message) == BalancerChannel::Peek::Empty ? "" : "a message twice";
}

}  // namespace

TEST_CASE("crash: a worker killed while it claims leaves the request queued or claimed", "[crash]") {
    const auto report = kill_at_every_instruction<World>(
            with_request, [](World& world) { (void)world.back().claim(world.key); },
            [](World& world) -> std::string {
                const RequestState state = world.front().state(world.key);
                return state == RequestState::Queued || state == RequestState::Claimed ? "" : "another state";
            });
    require_clean("claim", report);
}

TEST_CASE("crash: a worker killed while it drops a revoked request never seems to have run it", "[crash]") {
    const auto report = kill_at_every_instruction<World>(
            [] {
                auto world = with_request();
                REQUIRE(world->front().cancel(world->key) == BalancerChannel::Cancel::Revoked);
                return world;
            },
            [](World& world) { (void)world.back().claim(world.key); },
            [](World& world) -> std::string {
                bool present = false;
                std::string wrong = expect_message_or_nothing(world, ResponseKind::Dropped, "", present);
                const RequestState state = world.front().state(world.key);
                if (wrong.empty() && (state == RequestState::Responding || state == RequestState::Done)) {
                    wrong = "it responded";
                }
                return !wrong.empty() || !present || state == RequestState::Dropped ? wrong
                                                                                    : "dropped without its state";
            });
    require_clean("claim of a revoked request", report);
}

TEST_CASE("crash: a worker killed while it answers has answered completely or not at all", "[crash]") {
    const auto report = kill_at_every_instruction<World>(
            with_claimed_request,
            [](World& world) {
                (void)world.back().writable();
                const auto space = world.back().reserve(11);
                __builtin_memcpy(space.data(), "HTTP answer", 11);
                world.back().publish(world.key, ResponseKind::Head, 11, true, 1);
            },
            [](World& world) -> std::string {
                const RequestState state = world.front().state(world.key);
                bool present = false;
                std::string wrong = expect_message_or_nothing(world, ResponseKind::Head, "HTTP answer", present);
                if (wrong.empty() && present && state == RequestState::Claimed) {
                    wrong = "an answer without RESPONDING";
                }
                if (wrong.empty() && !present && state == RequestState::Done) {
                    wrong = "DONE without an answer";
                }
                return wrong;
            });
    require_clean("publish a whole answer", report);
}

TEST_CASE("crash: a worker killed while it goes on with a stream leaves what was published before", "[crash]") {
    const auto report = kill_at_every_instruction<World>(
            [] {
                auto world = with_claimed_request();
                publish_text(world->back(), world->key, ResponseKind::Head, "head", false);
                return world;
            },
            [](World& world) {
                (void)world.back().writable();
                const auto space = world.back().reserve(5);
                __builtin_memcpy(space.data(), "piece", 5);
                world.back().publish(world.key, ResponseKind::Body, 5, false, 0);
            },
            [](World& world) -> std::string {
                ResponseMessage message;
                if (world.front().peek(message) != BalancerChannel::Peek::Message ||
                    text_of(message.payload) != "head") {
                    return "the head is lost";
                }
                world.front().pop();
                bool present = false;
                return expect_message_or_nothing(world, ResponseKind::Body, "piece", present);
            });
    require_clean("publish a piece of a stream", report);
}

TEST_CASE("crash: a worker killed while it consumes leaves a cursor the balancer can believe", "[crash]") {
    const auto report = kill_at_every_instruction<World>(
            with_request,
            [](World& world) {
                (void)world.back().peek();
                world.back().pop();
            },
            [](World& world) -> std::string {
                if (!world.front().can_push_request(64)) {
                    return "nothing can be pushed any more";
                }
                const auto space = world.front().reserve(64);
                return space.size() == 64 ? "" : "no space";
            });
    require_clean("consume a request", report);
}

TEST_CASE("crash: a worker killed while it falls asleep or rings leaves words the balancer can use", "[crash]") {
    const auto report = kill_at_every_instruction<World>(
            with_claimed_request,
            [](World& world) {
                world.worker->lane(0).notify(0);
                world.worker->lane(0).about_to_sleep(LaneSleep::Idle);
                world.worker->lane(0).awake();
            },
            [](World& world) -> std::string {
                world.balancer->ring_if_asleep(0);
                world.balancer->ring_if_blocked(0);
                ResponseMessage message;
                return world.front().peek(message) == BalancerChannel::Peek::Empty ? "" : "a message from nowhere";
            });
    require_clean("ring and fall asleep", report);
}

TEST_CASE("crash: a balancer killed while it pushes a request shows the worker all of it or nothing", "[crash]") {
    const auto report = kill_at_every_instruction<World>(
            [] { return std::make_unique<World>(); },
            [](World& world) {
                (void)world.front().can_push_request(9);
                const auto space = world.front().reserve(9);
                __builtin_memcpy(space.data(), "GET /path", 9);
                (void)world.front().push_request(9, true, 77);
                world.balancer->ring_if_asleep(0);
            },
            [](World& world) -> std::string {
                const auto message = world.back().peek();
                if (!message) {
                    return {};
                }
                const bool whole = text_of(message->payload) == "GET /path" && message->arrived_ns == 77 &&
                                   message->last && message->key.sequence == 1 &&
                                   world.back().credit(message->key) == kSizedWindow;
                return whole ? "" : "a torn request";
            });
    require_clean("push a request", report);
}

TEST_CASE("crash: a balancer killed while it revokes leaves the claim to the worker's decision", "[crash]") {
    const auto report = kill_at_every_instruction<World>(
            with_request, [](World& world) { (void)world.front().cancel(world.key); },
            [](World& world) -> std::string {
                const auto message = world.back().peek();
                if (!message) {
                    return "the request is lost";
                }
                world.back().pop();
                const bool claimed = world.back().claim(message->key);
                const RequestState state = world.front().state(world.key);
                return state == (claimed ? RequestState::Claimed : RequestState::Dropped) ? ""
                                                                                          : "claim and state disagree";
            });
    require_clean("revoke", report);
}

TEST_CASE("crash: a balancer killed while it harvests leaves the worker able to answer on", "[crash]") {
    const auto report = kill_at_every_instruction<World>(
            [] {
                auto world = with_claimed_request();
                publish_text(world->back(), world->key, ResponseKind::Head, "head", false);
                return world;
            },
            [](World& world) {
                ResponseMessage message;
                (void)world.front().peek(message);
                world.front().pop();
                world.front().set_credit(world.key, 2 * kSizedWindow);
                world.balancer->ring_if_blocked(0);
            },
            [](World& world) -> std::string {
                const std::uint64_t credit = world.back().credit(world.key);
                if (credit != kSizedWindow && credit != 2 * kSizedWindow) {
                    return "a torn credit";
                }
                return world.back().writable() > 0 ? "" : "no space to answer";
            });
    require_clean("harvest and credit", report);
}

TEST_CASE("crash: the harness finds a publication that comes before its payload", "[crash]") {
    struct Torn {
        Segment memory;
        std::atomic<std::uint64_t>* words = nullptr;
    };

    const auto report = kill_at_every_instruction<Torn>(
            [] {
                auto world = std::make_unique<Torn>();
                auto file = create_memory_file("torn", kPage);
                REQUIRE(file.has_value());
                auto mapped = Segment::map(file->get(), kPage, Access::ReadWrite);
                REQUIRE(mapped.has_value());
                world->memory = std::move(*mapped);
                world->words = reinterpret_cast<std::atomic<std::uint64_t>*>(world->memory.data());
                return world;
            },
            [](Torn& world) {
                world.words[0].store(1, std::memory_order_release);
                world.words[1].store(42, std::memory_order_release);
            },
            [](Torn& world) -> std::string {
                return world.words[0] == 1 && world.words[1] != 42 ? "published too early" : "";
            });
    CHECK(report.violations > 0);
}

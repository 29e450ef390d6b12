// A worker dies at every instruction of every operation it makes on a channel or on its scoreboard, with the channel
// empty, partly full, about to be full, full, and wrapped around. The balancer must find each operation either done or
// not begun, and never anything it would have to repair.
#include "ipc/scoreboard.h"
#include "tests/crash/ipc/channel_world.h"

#include <algorithm>
#include <atomic>
#include <cstring>

using namespace fettle::ipc;
using namespace fettle::test;

namespace {

enum class Stage { Queued, Popped, Claimed, Responding };

struct Given {
    Stage stage = Stage::Queued;
    Fill requests = Fill::Empty;
    Fill responses = Fill::Empty;
    bool revoked = false;
};

std::unique_ptr<ChannelWorld> make_world(const Given& given) {
    auto world = std::make_unique<ChannelWorld>();
    if (given.requests == Fill::Wrapped || given.responses == Fill::Wrapped) {
        world->wrap_around();
    }
    world->key = push_text(world->front(), "GET /path");
    if (given.stage == Stage::Responding) {
        world->back().pop();
        REQUIRE(world->back().claim(world->key));
        publish_text(world->back(), world->key, ResponseKind::Head, "head", false);
        world->responses.push_back({ResponseKind::Head, world->key, false, "head"});
        world->publish_pieces(std::max(entries_before(given.responses), 1U) - 1);
        return world;
    }
    if (given.responses != Fill::Empty) {
        world->back().pop();  // the operation's request comes first, and is not claimed yet
        world->publish_pieces(entries_before(given.responses));
    }
    world->requests.push_back({RequestKind::Request, world->key, true, "GET /path"});
    const std::uint32_t others = world->front().in_flight();
    world->queue_requests(std::max(entries_before(given.requests), others) - others);
    if (given.revoked) {
        REQUIRE(world->front().cancel(world->key) == BalancerChannel::Cancel::Revoked);
    }
    if (given.stage >= Stage::Popped && given.responses == Fill::Empty) {
        world->back().pop();
    }
    if (given.stage == Stage::Claimed) {
        REQUIRE(world->back().claim(world->key));
    }
    return world;
}

// The state words that may be found, by whether the operation's message is there.
struct States {
    std::vector<RequestState> before;
    std::vector<RequestState> after;
};

std::string check(ChannelWorld& world, const States& states) {
    const RequestState state = world.front().state(world.key);
    bool happened = false;
    if (std::string wrong = harvest(world, happened); !wrong.empty()) {
        return wrong;
    }
    const auto& allowed = happened ? states.after : states.before;
    if (std::find(allowed.begin(), allowed.end(), state) == allowed.end()) {
        return "state " + std::to_string(static_cast<int>(state)) + (happened ? " with" : " without") + " its message";
    }
    // The requests behind it have not been touched, and what the worker's cursor says is believed.
    for (const auto& request : world.requests) {
        if (request.key != world.key && world.front().state(request.key) != RequestState::Queued) {
            return "a request the worker never saw is not queued any more";
        }
    }
    ResponseMessage message;
    (void)world.front().has_room(64);
    return world.front().peek(message) == BalancerChannel::Peek::Empty ? "" : "a message from nowhere";
}

struct Operation {
    const char* name;
    Given given;
    std::function<void(ChannelWorld&)> expect;  // adds what the balancer sees once it has happened
    std::function<void(ChannelWorld&)> run;
    States states;
};

void walk(Operation operation, const std::vector<Fill>& fills, Fill Given::*dimension) {
    for (const Fill fill : fills) {
        operation.given.*dimension = fill;
        const auto report = kill_at_every_instruction<ChannelWorld>(
                [&] {
                    auto world = make_world(operation.given);
                    operation.expect(*world);
                    return world;
                },
                operation.run, [&](ChannelWorld& world) { return check(world, operation.states); }, limit_of(fill));
        require_clean(std::string("worker: ") + operation.name + ", " + name_of(fill), report);
    }
}

const std::vector<Fill> kAll(kFills.begin(), kFills.end());

void nothing(ChannelWorld& /*world*/) {}

// Publishes if the response ring and arena have room, as worker/native/lane/response_writer.cpp does.
void publish_if_room(ChannelWorld& world, ResponseKind kind, std::string_view text, bool last) {
    WorkerChannel& channel = world.back();
    const auto bytes = static_cast<std::uint32_t>(text.size());
    if (channel.writable() < std::max<std::uint32_t>(1, bytes)) {
        return;
    }
    if (bytes > 0) {
        std::memcpy(channel.reserve(bytes).data(), text.data(), bytes);
    }
    channel.publish(world.key, kind, bytes, last, 7);
    world.lane().notify(0);
}

void walk_publication(const char* name, Stage stage, ResponseKind kind, std::string_view text, bool last,
                      const States& states) {
    walk({.name = name,
          .given = {.stage = stage},
          .expect =
                  [=](ChannelWorld& world) {
                      if (world.back().writable() >= std::max<std::size_t>(1, text.size())) {
                          world.new_responses.push_back({kind, world.key, last, text});
                      }
                  },
          .run = [=](ChannelWorld& world) { publish_if_room(world, kind, text, last); },
          .states = states},
         kAll, &Given::responses);
}

constexpr auto Queued = RequestState::Queued;
constexpr auto Claimed = RequestState::Claimed;
constexpr auto Responding = RequestState::Responding;
constexpr auto Done = RequestState::Done;
constexpr auto Dropped = RequestState::Dropped;

}  // namespace

TEST_CASE("crash: a worker killed while it takes a request out of the ring leaves it queued", "[crash]") {
    walk({.name = "peek and pop a request",
          .given = {},
          .expect = nothing,
          .run =
                  [](ChannelWorld& world) {
                      (void)world.lane().has_message();
                      (void)world.back().peek();
                      world.back().pop();
                  },
          .states = {{Queued}, {}}},
         kAll, &Given::requests);
}

TEST_CASE("crash: a worker killed while it claims leaves the request queued or claimed", "[crash]") {
    const Operation claim{.name = "claim",
                          .given = {.stage = Stage::Popped},
                          .expect = nothing,
                          .run = [](ChannelWorld& world) { (void)world.back().claim(world.key); },
                          .states = {{Queued, Claimed}, {}}};
    walk(claim, kAll, &Given::requests);
}

TEST_CASE("crash: a worker killed while it drops a revoked request never seems to have run it", "[crash]") {
    walk({.name = "claim of a revoked request",
          .given = {.stage = Stage::Popped, .revoked = true},
          .expect =
                  [](ChannelWorld& world) {
                      world.new_responses.push_back(
                              {ResponseKind::Dropped, world.key, true, ""});  // there is always room
                  },
          .run =
                  [](ChannelWorld& world) {
                      (void)world.back().claim(world.key);
                      world.lane().notify(0);
                  },
          .states = {{Queued, Claimed, Dropped}, {Dropped}}},
         kAll, &Given::responses);
}

TEST_CASE("crash: a worker killed while it answers has answered completely or not at all", "[crash]") {
    walk_publication("publish a whole answer", Stage::Claimed, ResponseKind::Head, "HTTP answer", true,
                     {{Claimed, Responding}, {Responding, Done}});
    walk_publication("publish a head", Stage::Claimed, ResponseKind::Head, "head", false,
                     {{Claimed, Responding}, {Responding}});
    walk_publication("publish a piece of a body", Stage::Responding, ResponseKind::Body, "piece", false,
                     {{Responding}, {Responding}});
    walk_publication("publish the last piece", Stage::Responding, ResponseKind::Body, "piece", true,
                     {{Responding}, {Responding, Done}});
    walk_publication("publish the end", Stage::Responding, ResponseKind::End, "", true,
                     {{Responding}, {Responding, Done}});
    walk_publication("publish a failure", Stage::Claimed, ResponseKind::Failed, "", true, {{Claimed}, {Claimed, Done}});
    walk_publication("publish a wish for the body", Stage::Claimed, ResponseKind::Continue, "", false,
                     {{Claimed}, {Claimed}});
}

TEST_CASE("crash: a worker killed while it reserves or fills arena space has published nothing", "[crash]") {
    walk({.name = "reserve and fill arena space",
          .given = {.stage = Stage::Claimed},
          .expect = nothing,
          .run =
                  [](ChannelWorld& world) {
                      if (world.back().writable() >= 64) {
                          std::memset(world.back().reserve(64).data(), 'x', 64);
                      }
                  },
          .states = {{Claimed}, {}}},
         kAll, &Given::responses);
}

TEST_CASE("crash: a worker killed while it takes back arena space leaves the rest as it was", "[crash]") {
    for (const Fill fill : {Fill::Partly, Fill::Full, Fill::Wrapped}) {
        const auto report = kill_at_every_instruction<ChannelWorld>(
                [&] {
                    auto world = make_world({.stage = Stage::Claimed, .responses = fill});
                    ResponseMessage message;  // the balancer has consumed one: the worker may use its place again
                    REQUIRE(world->front().peek(message) == BalancerChannel::Peek::Message);
                    world->front().pop();
                    world->responses.erase(world->responses.begin());
                    return world;
                },
                [](ChannelWorld& world) { (void)world.back().writable(); },
                [](ChannelWorld& world) {
                    return check(world, {{Claimed}, {}});
                });
        require_clean(std::string("worker: take back arena space, ") + name_of(fill), report);
    }
}

TEST_CASE("crash: a worker killed while it looks at credit and cancel has changed nothing", "[crash]") {
    walk({.name = "look at credit and cancel",
          .given = {.stage = Stage::Claimed},
          .expect = nothing,
          .run =
                  [](ChannelWorld& world) {
                      (void)(world.back().credit(world.key) > 0 && world.back().cancelled(world.key));
                  },
          .states = {{Claimed}, {}}},
         {Fill::Empty}, &Given::responses);
}

TEST_CASE("crash: a worker killed while it rings, falls asleep or wakes up leaves flags the balancer can use",
          "[crash]") {
    struct Bell {
        const char* name;
        std::function<void(ChannelWorld&)> prepare;
        std::function<void(ChannelWorld&)> run;
    };

    const std::vector<Bell> bells{
            {"ring the balancer, which is awake", nothing, [](ChannelWorld& world) { world.lane().notify(0); }},
            {"ring the sleeping balancer", [](ChannelWorld& world) { world.balancer->set_asleep(0, true); },
             [](ChannelWorld& world) { world.lane().notify(0); }},
            {"fall asleep idle, and wake up by itself", nothing,
             [](ChannelWorld& world) {
                 world.lane().about_to_sleep(LaneSleep::Idle);
                 world.lane().awake();
             }},
            {"fall asleep in a request, and wake up by itself", nothing,
             [](ChannelWorld& world) {
                 world.lane().about_to_sleep(LaneSleep::Blocked);
                 world.lane().awake();
             }},
            {"sleep until the bell rings", [](ChannelWorld& world) { world.balancer->ring(0); },
             [](ChannelWorld& world) {
                 world.lane().about_to_sleep(LaneSleep::Idle);
                 (void)world.lane().block();
             }},
            {"sleep while the balancer waits for room",
             [](ChannelWorld& world) {
                 world.balancer->set_asleep(0, true, true);
                 world.balancer->ring(0);
             },
             [](ChannelWorld& world) {
                 world.lane().about_to_sleep(LaneSleep::Blocked);
                 (void)world.lane().block();
             }},
            {"wake the slot from the service thread", nothing, [](ChannelWorld& world) { world.lane().wake(); }},
            {"announce the slot", nothing, [](ChannelWorld& world) { world.lane().announce(); }},
    };
    for (const Bell& bell : bells) {
        const auto report = kill_at_every_instruction<ChannelWorld>(
                [&] {
                    auto world = make_world({.stage = Stage::Claimed, .responses = Fill::Partly});
                    bell.prepare(*world);
                    return world;
                },
                bell.run,
                [](ChannelWorld& world) {
                    // None of these may block or disturb, whatever the dead worker's flags say.
                    world.balancer->ring_if_asleep(0);
                    world.balancer->ring_if_blocked(0);
                    world.balancer->drain_thread_bell(0);
                    world.balancer->set_asleep(0, false);
                    (void)world.balancer->lane_attached(0);
                    return check(world, {{Claimed}, {}});
                });
        require_clean(std::string("worker: ") + bell.name, report);
    }
}

TEST_CASE("crash: a worker killed while it maps its channels looks like one that never attached", "[crash]") {
    struct Attaching {
        std::unique_ptr<ChannelSet> balancer;
        std::optional<ChannelFds> fds;
    };

    constexpr ChannelSet::Identity kIdentity{.seat = 3, .worker_incarnation = 7, .balancer_incarnation = 2};
    const auto report = kill_at_every_instruction<Attaching>(
            [&] {
                auto world = std::make_unique<Attaching>();
                auto set = ChannelSet::create(kIdentity, {.threads = 1, .lanes = 1});
                REQUIRE(set.has_value());
                world->balancer = std::move(*set);
                auto fds = world->balancer->duplicate_fds();
                REQUIRE(fds.has_value());
                world->fds = std::move(*fds);
                return world;
            },
            [&](Attaching& world) {
                (void)WorkerChannelSet::map(std::move(*world.fds), kIdentity, {.threads = 1, .lanes = 1});
            },
            [](Attaching& world) -> std::string {
                ResponseMessage message;
                if (world.balancer->lane_attached(0) ||
                    world.balancer->channel(0, 0).peek(message) != BalancerChannel::Peek::Empty) {
                    return "something of a worker that did nothing yet";
                }
                const RequestKey key = push_text(world.balancer->channel(0, 0), "GET /");
                return world.balancer->channel(0, 0).state(key) == Queued ? "" : "a request that nobody saw";
            });
    require_clean("worker: map the channels", report);
}

TEST_CASE("crash: a worker killed while it writes its scoreboard leaves counters the supervisor can add up",
          "[crash]") {
    struct Scored : BothEnds {
        ScoreboardReader reader;
        LaneCounters before;
    };

    const auto make = [](bool running) {
        auto world = std::make_unique<Scored>();
        auto fds = world->balancer->duplicate_fds();
        REQUIRE(fds.has_value());
        auto reader = ScoreboardReader::map(fds->response_file.get(), world->balancer->geometry());
        REQUIRE(reader.has_value());
        world->reader = std::move(*reader);
        LaneScore& score = world->worker->lane(0).score();
        count_start(score, 100);
        count_end(score, true, 10);
        if (running) {
            count_start(score, 200);
        }
        world->before = world->reader.lane(0);
        return world;
    };
    const auto sane = [](Scored& world) -> std::string {
        const LaneCounters now = world.reader.lane(0);
        const LaneCounters& old = world.before;
        const auto one_of = [](std::uint64_t value, std::uint64_t first, std::uint64_t second) {
            return value == first || value == second;
        };
        const bool counters = one_of(now.started, old.started, old.started + 1) &&
                              one_of(now.finished, old.finished, old.finished + 1) &&
                              one_of(now.failed, old.failed, old.failed + 1) &&
                              one_of(now.busy_ns, old.busy_ns, old.busy_ns + 30) && now.finished <= now.started &&
                              now.failed <= now.finished;
        const bool times = one_of(now.running_since_ns, 0, old.running_since_ns) || now.running_since_ns == 300;
        const std::uint64_t pss = world.reader.pss_bytes();
        return counters && times && one_of(pss, 0, 4096) ? "" : "torn counters";
    };
    require_clean("worker: count the start of a request",
                  kill_at_every_instruction<Scored>(
                          [&] { return make(false); },
                          [](Scored& world) { count_start(world.worker->lane(0).score(), 300); }, sane));
    require_clean("worker: count the end of a request",
                  kill_at_every_instruction<Scored>(
                          [&] { return make(true); },
                          [](Scored& world) { count_end(world.worker->lane(0).score(), true, 30); }, sane));
    require_clean(
            "worker: heartbeat and memory size",
            kill_at_every_instruction<Scored>([&] { return make(true); },
                                              [](Scored& world) { beat(world.worker->header(), 12345, 4096); }, sane));
}

// ---- mistakes the harness must find

TEST_CASE("crash: the harness finds a publication that comes before its payload", "[crash]") {
    const auto report = kill_at_every_instruction<SharedPage<std::array<std::atomic<std::uint64_t>, 2>>>(
            [] { return std::make_unique<SharedPage<std::array<std::atomic<std::uint64_t>, 2>>>(); },
            [](auto& words) {
                (*words)[0].store(1, std::memory_order_release);
                (*words)[1].store(42, std::memory_order_release);
            },
            [](auto& words) -> std::string {
                return (*words)[0] == 1 && (*words)[1] != 42 ? "published too early" : "";
            });
    CHECK(report.violations > 0);
}

TEST_CASE("crash: the harness finds a claim that comes after the application has begun", "[crash]") {
    struct Ledgered : ChannelWorld {
        SharedPage<std::atomic<int>> ledger;  // what the application did to the world
    };

    const auto make = [] {
        auto world = std::make_unique<Ledgered>();
        world->key = push_text(world->front(), "POST /pay");
        world->back().pop();
        return world;
    };
    const auto check_ledger = [](Ledgered& world) -> std::string {
        return *world.ledger != 0 && world.front().state(world.key) == Queued ? "paid, and about to be paid again" : "";
    };
    const auto early = kill_at_every_instruction<Ledgered>(
            make,
            [](Ledgered& world) {
                if (world.back().claim(world.key)) {
                    *world.ledger = 1;
                }
            },
            check_ledger);
    const auto late = kill_at_every_instruction<Ledgered>(
            make,
            [](Ledgered& world) {
                *world.ledger = 1;
                (void)world.back().claim(world.key);
            },
            check_ledger);

    require_clean("worker: claim, then run the application", early);
    print_report("SEEDED MISTAKE worker: run the application, then claim", late);
    CHECK(late.violations > 0);
}

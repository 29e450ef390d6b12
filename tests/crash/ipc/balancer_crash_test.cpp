// The balancer dies at every instruction of every operation it makes on a channel, with the channel empty, partly full,
// about to be full, full, and wrapped around. The worker must find each operation either done or not begun, and be able
// to go on: it finishes what it has claimed before it attaches the channels of the next balancer.
#include "tests/crash/ipc/channel_world.h"

#include <algorithm>
#include <cstring>

using namespace fettle::ipc;
using namespace fettle::test;

namespace {

struct Given {
    Fill requests = Fill::Empty;   // the other requests and pieces in the request ring
    Fill responses = Fill::Empty;  // what the worker has published and nobody has harvested
    bool own_request = true;       // the operation is about a request that was pushed before...
    bool body_follows = false;     // ... without all of its body
    bool claimed = false;
};

std::unique_ptr<ChannelWorld> make_world(const Given& given) {
    auto world = std::make_unique<ChannelWorld>();
    if (given.requests == Fill::Wrapped || given.responses == Fill::Wrapped) {
        world->wrap_around();
    }
    if (given.own_request) {
        const std::span<std::byte> space = world->front().reserve(9);
        std::memcpy(space.data(), "POST /pay", 9);
        world->key = world->front().push_request(9, !given.body_follows, 1);
        if (given.claimed) {
            world->back().pop();
            REQUIRE(world->back().claim(world->key));
        } else {
            world->requests.push_back({RequestKind::Request, world->key, !given.body_follows, "POST /pay"});
        }
    }
    if (given.claimed) {
        world->publish_pieces(entries_before(given.responses));
    }
    const std::uint32_t wanted = std::max(entries_before(given.requests), world->front().in_flight());
    world->queue_requests(wanted - world->front().in_flight());
    return world;
}

// The worker takes everything, and goes on with what it has claimed.
std::string check(ChannelWorld& world) {
    bool happened = false;
    if (std::string wrong = take(world, happened); !wrong.empty()) {
        return wrong;
    }
    if (happened && world.new_requests.front().kind == RequestKind::Request &&
        (world.back().credit(world.new_requests.front().key) != kSizedWindow ||
         world.back().cancelled(world.new_requests.front().key))) {
        return "a new request with the credit or the cancel of an old one";
    }
    world.lane().notify(0);
    world.lane().about_to_sleep(LaneSleep::Idle);
    world.lane().awake();
    return {};
}

struct Operation {
    const char* name;
    Given given;
    std::function<void(ChannelWorld&)> expect;  // adds what the worker sees once it has happened
    std::function<void(ChannelWorld&)> run;
    std::function<std::string(ChannelWorld&)> check = ::check;
};

void walk(Operation operation, Fill Given::*dimension) {
    for (const Fill fill : kFills) {
        operation.given.*dimension = fill;
        const auto report = kill_at_every_instruction<ChannelWorld>(
                [&] {
                    auto world = make_world(operation.given);
                    operation.expect(*world);
                    return world;
                },
                operation.run, operation.check, limit_of(fill));
        require_clean(std::string("balancer: ") + operation.name + ", " + name_of(fill), report);
    }
}

void nothing(ChannelWorld& /*world*/) {}

}  // namespace

TEST_CASE("crash: a balancer killed while it pushes a request shows the worker all of it or nothing", "[crash]") {
    walk({.name = "push a request and ring",
          .given = {.own_request = false},
          .expect =
                  [](ChannelWorld& world) {
                      world.lane().about_to_sleep(LaneSleep::Idle);
                      if (world.front().can_push_request(9)) {
                          world.new_requests.push_back({RequestKind::Request, {}, true, "GET /path"});
                      }
                  },
          .run =
                  [](ChannelWorld& world) {
                      if (!world.front().can_push_request(9)) {
                          return;
                      }
                      const auto space = world.front().reserve(9);
                      std::memcpy(space.data(), "GET /path", 9);
                      (void)world.front().push_request(9, true, 77);
                      world.balancer->ring_if_asleep(0);
                  }},
         &Given::requests);
}

TEST_CASE("crash: a balancer killed while it pushes a body shows the worker whole pieces", "[crash]") {
    const auto walk_piece = [](const char* name, std::string_view piece, bool last) {
        walk({.name = name,
              .given = {.body_follows = true, .claimed = true},
              .expect =
                      [=](ChannelWorld& world) {
                          if (world.front().has_room(static_cast<std::uint32_t>(piece.size()))) {
                              world.new_requests.push_back({RequestKind::Body, world.key, last, piece});
                          }
                      },
              .run =
                      [=](ChannelWorld& world) {
                          const auto bytes = static_cast<std::uint32_t>(piece.size());
                          if (!world.front().has_room(bytes)) {
                              return;
                          }
                          if (bytes > 0) {
                              std::memcpy(world.front().reserve(bytes).data(), piece.data(), bytes);
                          }
                          world.front().push_body(world.key, bytes, last);
                          world.balancer->ring_if_asleep(0);
                      }},
             &Given::requests);
    };
    walk_piece("push a piece of a body", "amount=5", false);
    walk_piece("push the last piece of a body", "&to=me", true);
    walk_piece("push an empty last piece", "", true);
}

TEST_CASE("crash: a balancer killed while it aborts a body has aborted it or not", "[crash]") {
    walk({.name = "abort a body",
          .given = {.body_follows = true, .claimed = true},
          .expect =
                  [](ChannelWorld& world) {
                      world.new_requests.push_back({RequestKind::Abort, world.key, true, ""});
                  },
          .run =
                  [](ChannelWorld& world) {
                      if (world.front().push_abort(world.key)) {
                          world.balancer->ring_if_asleep(0);
                      }
                  }},
         &Given::requests);
}

TEST_CASE("crash: a balancer killed while it revokes leaves the claim to the worker's decision", "[crash]") {
    const auto decision = [](ChannelWorld& world) -> std::string {
        const auto message = world.back().peek();
        if (!message || message->key != world.key) {
            return "the request is lost";
        }
        world.back().pop();
        world.requests.erase(world.requests.begin());
        const bool claimed = world.back().claim(world.key);
        const RequestState state = world.front().state(world.key);
        if (state != (claimed ? RequestState::Claimed : RequestState::Dropped)) {
            return "claim and state disagree";
        }
        return check(world);
    };
    walk({.name = "revoke",
          .given = {},
          .expect = nothing,
          .run = [](ChannelWorld& world) { (void)world.front().cancel(world.key); },
          .check = decision},
         &Given::requests);
    walk({.name = "revoke because the client left",
          .given = {},
          .expect = nothing,
          .run =
                  [](ChannelWorld& world) {
                      (void)world.front().cancel_for_good(world.key);
                      world.balancer->ring_if_blocked(0);
                  },
          .check = decision},
         &Given::requests);
    walk({.name = "tell a running request that its client left",
          .given = {.claimed = true},
          .expect = nothing,
          .run =
                  [](ChannelWorld& world) {
                      (void)world.front().cancel_for_good(world.key);
                      world.balancer->ring_if_blocked(0);
                  }},
         &Given::requests);
}

TEST_CASE("crash: a balancer killed while it harvests and grants credit leaves the worker able to answer on",
          "[crash]") {
    const auto able = [](ChannelWorld& world) -> std::string {
        const std::uint64_t credit = world.back().credit(world.key);
        if (credit != kSizedWindow && credit != 2 * kSizedWindow) {
            return "a torn credit";
        }
        // Space that was given back is whole descriptors and their whole payloads.
        const std::uint32_t room = world.back().writable();
        if (room > 0) {
            const auto space = world.back().reserve(room);
            std::fill(space.begin(), space.end(), std::byte{'z'});
            world.back().publish(world.key, ResponseKind::Head, room, false, 0);
        }
        return check(world);
    };
    walk({.name = "harvest one message, credit, ring",
          .given = {.claimed = true},
          .expect = nothing,
          .run =
                  [](ChannelWorld& world) {
                      ResponseMessage message;
                      if (world.front().peek(message) == BalancerChannel::Peek::Message) {
                          world.front().pop();
                      }
                      world.front().set_credit(world.key, 2 * kSizedWindow);
                      world.balancer->ring_if_blocked(0);
                  },
          .check = able},
         &Given::responses);
    walk({.name = "harvest four messages, or the last of a request",
          .given = {.claimed = true},
          .expect =
                  [](ChannelWorld& world) {
                      if (world.back().writable() > 0) {
                          world.back().publish(world.key, ResponseKind::Failed, 0, true, 0);
                      }
                  },
          .run =
                  [](ChannelWorld& world) {
                      ResponseMessage message;
                      for (int count = 0; count < 4 && world.front().peek(message) == BalancerChannel::Peek::Message;
                           ++count) {
                          world.front().pop();
                      }
                  },
          .check = able},
         &Given::responses);
    walk({.name = "take back arena space, reserve and fill it",
          .given = {.claimed = true},
          .expect = nothing,
          .run =
                  [](ChannelWorld& world) {
                      (void)world.front().has_room(64);
                      const auto space = world.front().reserve(64);
                      std::fill(space.begin(), space.end(), std::byte{'x'});
                  }},
         &Given::requests);
}

TEST_CASE("crash: a balancer killed while it rings, falls asleep or looks around leaves flags the worker can use",
          "[crash]") {
    struct Bell {
        const char* name;
        std::function<void(ChannelWorld&)> prepare;
        std::function<void(ChannelWorld&)> run;
    };

    const auto lane_sleeps = [](LaneSleep kind) {
        return [kind](ChannelWorld& world) { world.lane().about_to_sleep(kind); };
    };
    const std::vector<Bell> bells{
            {"ring a lane that is awake", nothing, [](ChannelWorld& world) { world.balancer->ring_if_asleep(0); }},
            {"ring a lane that sleeps", lane_sleeps(LaneSleep::Idle),
             [](ChannelWorld& world) { world.balancer->ring_if_asleep(0); }},
            {"ring a lane that is blocked", lane_sleeps(LaneSleep::Blocked),
             [](ChannelWorld& world) { world.balancer->ring_if_blocked(0); }},
            {"ring a lane whatever it does", nothing, [](ChannelWorld& world) { world.balancer->ring(0); }},
            {"fall asleep and wake up", nothing,
             [](ChannelWorld& world) {
                 world.balancer->set_asleep(0, true);
                 world.balancer->set_asleep(0, false);
             }},
            {"fall asleep waiting for room, and wake up", nothing,
             [](ChannelWorld& world) {
                 world.balancer->set_asleep(0, true, true);
                 world.balancer->set_asleep(0, false);
             }},
            {"answer its bell",
             [](ChannelWorld& world) {
                 world.balancer->set_asleep(0, true);
                 world.lane().notify(0);
             },
             [](ChannelWorld& world) {
                 world.balancer->drain_thread_bell(0);
                 world.balancer->set_asleep(0, false);
             }},
            {"look at states and at the lane", nothing,
             [](ChannelWorld& world) {
                 (void)world.front().state(world.key);
                 (void)(world.front().known(world.key) && world.balancer->lane_attached(0));
             }},
    };
    for (const Bell& bell : bells) {
        const auto report = kill_at_every_instruction<ChannelWorld>(
                [&] {
                    auto world = make_world({.requests = Fill::Partly, .claimed = true});
                    bell.prepare(*world);
                    return world;
                },
                bell.run, check);
        require_clean(std::string("balancer: ") + bell.name, report);
    }
}

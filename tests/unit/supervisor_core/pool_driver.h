// Drives a Pool by hand: sends inputs at a time the test owns and keeps what came out.
#pragma once

#include "supervisor/core/pool.h"

#include <catch2/catch.hpp>

#include <utility>
#include <vector>

namespace fettle::supervisor::core {

using namespace std::chrono_literals;

class PoolDriver {
  public:
    explicit PoolDriver(Settings settings, std::uint64_t seed = 1) : pool(settings, seed) {}

    // What came out of this input alone.
    std::vector<Output> send(const Input& input) {
        std::vector<Output> outputs = pool.handle(input, now);
        for (const Output& output : outputs) {
            all.push_back(output);
        }
        return outputs;
    }

    std::vector<Output> wait(Duration duration) {
        now += duration;
        return send(input::Tick{});
    }

    template <class Value>
    [[nodiscard]] static std::vector<Value> of(const std::vector<Output>& outputs) {
        std::vector<Value> found;
        for (const Output& output : outputs) {
            if (const auto* value = std::get_if<Value>(&output)) {
                found.push_back(*value);
            }
        }
        return found;
    }

    template <class Value>
    [[nodiscard]] std::size_t count() const {
        return of<Value>(all).size();
    }

    template <class Value>
    [[nodiscard]] Value last() const {
        const auto found = of<Value>(all);
        REQUIRE_FALSE(found.empty());
        return found.back();
    }

    // The last incarnation that was spawned at a place.
    [[nodiscard]] Ref current(Role role, std::uint32_t seat = 0) const {
        Ref found{role, {seat, 0}};
        for (const auto& spawn : of<action::Spawn>(all)) {
            if (spawn.who.role == role && spawn.who.id.seat == seat) {
                found = spawn.who;
            }
        }
        REQUIRE(found.id.incarnation != 0);
        return found;
    }

    [[nodiscard]] Ref balancer() const { return current(Role::Balancer); }

    [[nodiscard]] Ref zygote() const { return current(Role::Zygote); }

    [[nodiscard]] Ref worker(std::uint32_t seat) const { return current(Role::Worker, seat); }

    void balancer_up() {
        send(input::Hello{balancer()});
        send(input::Ready{balancer()});
    }

    void zygote_up(std::uint32_t tasks = 1) {
        send(input::Hello{zygote()});
        send(input::Ready{zygote(), tasks});
    }

    // From spawned to serving.
    std::vector<Output> worker_up(std::uint32_t seat) {
        const WorkerId id = worker(seat).id;
        send(input::Hello{worker(seat)});
        attach(seat);
        return send(input::Ready{Ref{Role::Worker, id}});
    }

    std::vector<Output> attach(std::uint32_t seat) {
        send(input::Prepared{worker(seat).id, balancer().id.incarnation});
        return send(input::Attached{worker(seat).id, balancer().id.incarnation});
    }

    // Everything serves.
    void all_up() {
        send(input::Begin{});
        balancer_up();
        if (pool.zygote_state() != State::Empty) {
            zygote_up();
        }
        for (std::uint32_t seat = 0; seat < pool.seats(); ++seat) {
            worker_up(seat);
        }
        REQUIRE(pool.serving() == pool.seats());
    }

    std::vector<Output> worker_dies(std::uint32_t seat, bool did_its_work = true) {
        return send(input::Exited{worker(seat), did_its_work, std::nullopt, std::nullopt});
    }

    std::vector<Output> dies(Ref who) { return send(input::Exited{who, false, std::nullopt, std::nullopt}); }

    Pool pool;
    TimePoint now{1000s};
    std::vector<Output> all;
};

}  // namespace fettle::supervisor::core

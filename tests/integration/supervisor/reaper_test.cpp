#include "supervisor/process/reaper.h"

#include "processes.h"
#include "supervisor/process/process.h"
#include "supervisor/process/spawner.h"

#include <catch2/catch.hpp>

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

using namespace fettle;
using namespace fettle::supervisor;
using namespace fettle::testing;
using namespace std::chrono_literals;

namespace {

SpawnRequest shell(const std::string& script) {
    SpawnRequest request;
    request.executable = "/bin/sh";
    request.arguments = {"sh", "-c", script};
    request.environment = {"PATH=/usr/bin:/bin"};
    return request;
}

// A loop with a reaper, that runs until a condition holds.
struct World {
    World() {
        auto started = Reaper::start(loop, [this] { ++sweeps; });
        REQUIRE(started);
        reaper = std::move(*started);
    }

    std::unique_ptr<Process> start(const std::string& script, Process::Exited exited) {
        auto spawned = spawn(shell(script));
        REQUIRE(spawned);
        auto process = Process::adopt(loop, *reaper, spawned->pid, std::move(spawned->pidfd), std::move(exited));
        REQUIRE(process);
        return std::move(*process);
    }

    bool run_until(const std::function<bool()>& condition) {
        loop::Timer check(loop, [&] {
            if (condition()) {
                loop.stop();
            }
        });
        loop::Timer limit(loop, [this] { loop.stop(); });
        check.start_repeating(5ms);
        limit.start(20s);
        loop.run();
        return condition();
    }

    loop::Loop loop;
    std::unique_ptr<Reaper> reaper;
    int sweeps = 0;
};

}  // namespace

TEST_CASE("a child's end is told once, with its cause, and leaves no zombie") {
    World world;
    std::vector<std::string> causes;
    auto process = world.start("exit 3", [&](const ExitInfo& info) { causes.push_back(describe(info)); });
    REQUIRE(process->pid() > 0);
    CHECK(world.run_until([&] { return !causes.empty(); }));
    CHECK(causes == std::vector<std::string>{"exit code 3"});
    CHECK(process->pid() == 0);
    CHECK(children_of(::getpid()).empty());
    // A signal to one that was reaped goes nowhere.
    CHECK(process->send_signal(SIGKILL));
    world.reaper->sweep();
    process->reap_if_dead();
    CHECK(causes.size() == 1);
    CHECK(world.reaper->strangers_reaped() == 0);
}

TEST_CASE("a signal of ours is told apart from one of somebody else") {
    World world;
    std::vector<std::string> causes;
    const auto note = [&](const ExitInfo& info) { causes.push_back(describe(info)); };
    auto ours = world.start("exec sleep 1000", note);
    REQUIRE(ours->send_signal(SIGKILL));
    REQUIRE(world.run_until([&] { return causes.size() == 1; }));
    auto theirs = world.start("kill -9 $$", note);
    REQUIRE(world.run_until([&] { return causes.size() == 2; }));
    CHECK(causes[0] == "signal 9 (SIGKILL), sent by fettle");
    CHECK(causes[1] == "signal 9 (SIGKILL), not sent by fettle");
}

TEST_CASE("orphans of the application come to us and are buried, the status of our own children stays theirs") {
    World world;
    std::vector<std::string> causes;
    // Ten grandchildren lose their parent at once and end by themselves.
    auto process = world.start("for n in 1 2 3 4 5 6 7 8 9 10; do (sleep 0.$n &) ; done; exit 7",
                               [&](const ExitInfo& info) { causes.push_back(describe(info)); });
    CHECK(world.run_until([&] { return world.reaper->strangers_reaped() == 10; }));
    CHECK(causes == std::vector<std::string>{"exit code 7"});
    CHECK(world.sweeps > 0);
    CHECK_FALSE(Reaper::has_children());
}

TEST_CASE("a process may be destroyed in its own callback") {
    World world;
    std::unique_ptr<Process> process;
    bool told = false;
    process = world.start("exit 0", [&](const ExitInfo&) {
        process.reset();
        told = true;
    });
    CHECK(world.run_until([&] { return told; }));
    CHECK(process == nullptr);
}

TEST_CASE("a child that is forgotten while it lives is buried as a stranger") {
    World world;
    bool told = false;
    auto process = world.start("exec sleep 1000", [&](const ExitInfo&) { told = true; });
    REQUIRE(process->send_signal(SIGTERM));
    process.reset();
    CHECK(world.run_until([&] { return world.reaper->strangers_reaped() == 1; }));
    CHECK_FALSE(told);
}

TEST_CASE("a pid that somebody told us is believed only if it is a child of ours") {
    World world;
    CHECK_FALSE(Process::adopt(world.loop, *world.reaper, ::getppid(), [](const ExitInfo&) {}));
    CHECK_FALSE(Process::adopt(world.loop, *world.reaper, 999999999, [](const ExitInfo&) {}));
    auto spawned = spawn(shell("exit 4"));
    REQUIRE(spawned);
    // Also when it is dead already: the zombie still belongs to its pid.
    siginfo_t info{};
    REQUIRE(::waitid(P_PID, static_cast<id_t>(spawned->pid), &info, WEXITED | WNOWAIT) == 0);
    std::string cause;
    auto adopted = Process::adopt(world.loop, *world.reaper, spawned->pid,
                                  [&](const ExitInfo& exit) { cause = describe(exit); });
    REQUIRE(adopted);
    CHECK(world.run_until([&] { return !cause.empty(); }));
    CHECK(cause == "exit code 4");
}

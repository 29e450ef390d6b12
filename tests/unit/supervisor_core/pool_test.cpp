#include "pool_driver.h"

#include <set>

using namespace fettle;
using namespace fettle::supervisor::core;

namespace {

Settings seats(std::uint32_t count) {
    return Settings{.seats = count};
}

template <class Value>
std::vector<Value> of(const std::vector<Output>& outputs) {
    return PoolDriver::of<Value>(outputs);
}

}  // namespace

// ---- start

TEST_CASE("the balancer and the zygote start first, the workers when the application is imported") {
    PoolDriver driver(seats(3));
    const auto first = of<action::Spawn>(driver.send(input::Begin{}));
    REQUIRE(first.size() == 2);
    CHECK(first[0].who.role == Role::Balancer);
    CHECK(first[1].who.role == Role::Zygote);
    driver.send(input::Hello{driver.zygote()});
    const auto workers = of<action::Spawn>(driver.send(input::Ready{driver.zygote()}));
    REQUIRE(workers.size() == 3);
    for (const auto& spawn : workers) {
        CHECK(spawn.method == action::Method::Fork);
    }
}

TEST_CASE("a large pool starts in portions") {
    PoolDriver driver(seats(100));
    driver.send(input::Begin{});
    driver.balancer_up();
    driver.zygote_up();
    CHECK(driver.count<action::Spawn>() == 2 + kStartsInFlight);
    driver.worker_up(0);
    driver.worker_up(1);
    CHECK(driver.count<action::Spawn>() == 2 + kStartsInFlight + 2);
    for (std::uint32_t seat = 2; seat < 100; ++seat) {
        driver.worker_up(seat);
    }
    CHECK(driver.pool.serving() == 100);
}

TEST_CASE("the doors open with the first serving worker and only once") {
    PoolDriver driver(seats(2));
    driver.send(input::Begin{});
    driver.balancer_up();
    driver.zygote_up();
    CHECK(driver.count<action::StartAccepting>() == 0);
    const auto outputs = driver.worker_up(1);
    REQUIRE(outputs.size() == 2);
    CHECK(std::holds_alternative<action::Serve>(outputs[0]));  // first the credits, then the doors
    CHECK(std::holds_alternative<action::StartAccepting>(outputs[1]));
    driver.worker_up(0);
    CHECK(driver.count<action::StartAccepting>() == 1);
}

TEST_CASE("a worker serves when it is both ready and attached, in either order") {
    for (const bool ready_first : {true, false}) {
        PoolDriver driver(seats(1));
        driver.send(input::Begin{});
        driver.balancer_up();
        driver.zygote_up();
        driver.send(input::Hello{driver.worker(0)});
        if (ready_first) {
            driver.send(input::Ready{driver.worker(0)});
            CHECK(driver.count<action::Serve>() == 0);
            driver.attach(0);
        } else {
            driver.attach(0);
            CHECK(driver.count<action::Serve>() == 0);
            driver.send(input::Ready{driver.worker(0)});
        }
        CHECK(driver.count<action::Serve>() == 1);
        CHECK(driver.pool.state(0) == State::Serving);
    }
}

TEST_CASE("workers that are forked before the balancer is ready are prepared when it is") {
    PoolDriver driver(seats(2));
    driver.send(input::Begin{});
    driver.zygote_up();
    driver.send(input::Hello{driver.worker(0)});
    CHECK(driver.count<action::Prepare>() == 0);
    driver.balancer_up();
    CHECK(driver.count<action::Prepare>() == 2);
}

TEST_CASE("an application that leaves threads behind gets workers that import by themselves") {
    PoolDriver driver(seats(2));
    driver.send(input::Begin{});
    driver.balancer_up();
    driver.zygote_up(4);
    CHECK(driver.count<action::ExecInstead>() == 1);
    CHECK(driver.last<action::Stop>().who == driver.zygote());
    for (std::uint32_t seat = 0; seat < 2; ++seat) {
        CHECK(driver.worker(seat).id.incarnation > 0);
    }
    CHECK(driver.last<action::Spawn>().method == action::Method::Exec);
    driver.dies(driver.zygote());
    CHECK(driver.last<action::Release>().next == Next::None);
    CHECK(driver.pool.zygote_state() == State::Empty);
}

TEST_CASE("without preload no zygote is started") {
    Settings settings = seats(2);
    settings.preload = false;
    PoolDriver driver(settings);
    const auto spawns = of<action::Spawn>(driver.send(input::Begin{}));
    REQUIRE(spawns.size() == 3);
    CHECK(spawns[1].method == action::Method::Exec);
    driver.balancer_up();
    driver.worker_up(0);
    CHECK(driver.pool.state(0) == State::Serving);
}

// ---- first start

TEST_CASE("an application that the first zygote cannot import ends everything with its own code") {
    const auto code =
            GENERATE(std::optional(ExitCode::AppLoad), std::optional(ExitCode::Interpreter), std::optional<ExitCode>());
    PoolDriver driver(seats(2));
    driver.send(input::Begin{});
    driver.balancer_up();
    driver.send(input::Hello{driver.zygote()});
    driver.send(input::Exited{driver.zygote(), false, code, 1});
    CHECK(driver.last<action::Release>().next == Next::GivenUp);
    CHECK(driver.last<action::Stop>().who == driver.balancer());
    driver.dies(driver.balancer());
    CHECK(driver.last<action::Exit>().code ==
          code.value_or(ExitCode::AppLoad));  // also if the import killed the interpreter
}

TEST_CASE("a worker that imports by itself and cannot, before any was ready, ends everything with that code") {
    Settings settings = seats(2);
    settings.preload = false;
    PoolDriver driver(settings);
    driver.send(input::Begin{});
    driver.send(input::Hello{driver.worker(0)});
    driver.send(input::Exited{driver.worker(0), false, ExitCode::AppLoad, 4});
    CHECK(driver.last<action::Release>().who.role == Role::Worker);
    driver.dies(driver.worker(1));
    driver.dies(driver.balancer());
    CHECK(driver.last<action::Exit>().code == ExitCode::AppLoad);
}

TEST_CASE("five early deaths of every seat with none ever ready end everything; four do not") {
    PoolDriver driver(seats(2));
    driver.send(input::Begin{});
    driver.balancer_up();
    driver.zygote_up();
    std::vector<int> deaths(2);
    while (driver.count<action::Exit>() == 0 && driver.pool.balancer_state() == State::Serving) {
        bool somebody_died = false;
        for (std::uint32_t seat = 0; seat < 2; ++seat) {
            if (driver.pool.state(seat) == State::Spawning) {
                driver.send(input::Hello{driver.worker(seat)});
                driver.worker_dies(seat, false);
                ++deaths[seat];
                somebody_died = true;
            }
        }
        if (!somebody_died) {
            const auto deadline = driver.pool.deadline();
            REQUIRE(deadline);
            REQUIRE(driver.now - TimePoint{1000s} < 10s);
            driver.wait(*deadline - driver.now);
        }
    }
    CHECK(deaths == std::vector<int>{5, 5});
    driver.dies(driver.zygote());
    driver.dies(driver.balancer());
    CHECK(driver.last<action::Exit>().code == ExitCode::NeverReady);
}

TEST_CASE("a seat that gave up is tried again once another worker is ready") {
    Settings settings = seats(2);
    settings.start_attempts = 1;
    PoolDriver driver(settings);
    driver.send(input::Begin{});
    driver.balancer_up();
    driver.zygote_up();
    driver.worker_dies(0, false);
    CHECK(driver.pool.state(0) == State::Failed);
    driver.worker_up(1);
    CHECK(driver.pool.state(0) == State::Spawning);
    // From now on nobody gives up.
    driver.worker_dies(0, false);
    CHECK(driver.pool.state(0) == State::Backoff);
}

TEST_CASE("the first balancer's own exit code ends everything, a crash does not at once") {
    PoolDriver refusing(seats(1));
    refusing.send(input::Begin{});
    refusing.send(input::Hello{refusing.balancer()});
    refusing.send(input::Exited{refusing.balancer(), false, std::nullopt, 7});
    refusing.dies(refusing.zygote());
    CHECK(refusing.last<action::Exit>().code == ExitCode::Configuration);

    PoolDriver crashing(seats(1));
    crashing.send(input::Begin{});
    for (int crash = 1; crash <= 5; ++crash) {
        REQUIRE(crashing.pool.balancer_state() == State::Spawning);
        crashing.send(input::Hello{crashing.balancer()});
        crashing.dies(crashing.balancer());
        CHECK(crashing.pool.stopping() == (crash == 5));
        crashing.wait(2s);
    }
    crashing.dies(crashing.zygote());
    CHECK(crashing.last<action::Exit>().code == ExitCode::Internal);
}

// ---- restart

TEST_CASE("a worker that had served is replaced at once, with a new incarnation") {
    PoolDriver driver(seats(3));
    driver.all_up();
    const Ref before = driver.worker(1);
    const auto outputs = driver.worker_dies(1);
    const auto released = of<action::Release>(outputs);
    REQUIRE(released.size() == 1);
    CHECK(released[0].who == before);
    CHECK_FALSE(released[0].planned);
    CHECK(released[0].next == Next::Now);
    CHECK(driver.pool.state(1) == State::Spawning);
    CHECK(driver.worker(1).id.incarnation > driver.worker(2).id.incarnation);
    CHECK(driver.pool.serving() == 2);
}

TEST_CASE("an early death waits, and says how long and the how manyth it is") {
    PoolDriver driver(seats(2));
    driver.all_up();
    driver.worker_dies(0, false);
    const auto first = driver.last<action::Release>();
    CHECK(first.next == Next::Later);
    CHECK(first.early_deaths == 1);
    CHECK(driver.pool.state(0) == State::Backoff);
    driver.wait(first.delay - 1ns);
    CHECK(driver.pool.state(0) == State::Backoff);
    driver.wait(1ns);
    CHECK(driver.pool.state(0) == State::Spawning);
    driver.worker_dies(0, false);
    CHECK(driver.last<action::Release>().early_deaths == 2);
}

TEST_CASE("a worker that lives a second after READY is replaced at once even if it served nothing") {
    PoolDriver driver(seats(1));
    driver.all_up();
    driver.wait(1s);
    driver.worker_dies(0, false);
    CHECK(driver.last<action::Release>().next == Next::Now);
}

TEST_CASE("messages about a dead incarnation change nothing") {
    PoolDriver driver(seats(2));
    driver.all_up();
    const Ref old = driver.worker(0);
    driver.worker_dies(0);
    driver.worker_up(0);
    const std::size_t before = driver.all.size();
    driver.send(input::Exited{old, true, std::nullopt, 0});
    driver.send(input::Ready{old});
    driver.send(input::Broken{old});
    driver.send(input::Drained{old.id});
    driver.send(input::QuotaSpent{old.id});
    driver.send(input::Leaving{old.id});
    driver.send(input::Prepared{old.id, driver.balancer().id.incarnation});
    driver.send(input::SpawnLost{old.id});
    driver.send(input::Exited{Ref{Role::Worker, {99, 1}}, true, std::nullopt, 0});
    CHECK(driver.all.size() == before);
    CHECK(driver.pool.serving() == 2);
}

TEST_CASE("too many early deaths degrade the pool: one start at a time, nobody who serves is touched, one notice") {
    PoolDriver driver(seats(8));
    driver.all_up();
    // Seats 0 to 6 die early until the threshold of 16 is reached; seat 7 serves.
    while (!driver.pool.degraded()) {
        for (std::uint32_t seat = 0; seat < 7; ++seat) {
            if (has_process(driver.pool.state(seat))) {
                driver.worker_dies(seat, false);
            }
        }
        driver.wait(500ms);
    }
    CHECK(driver.count<action::DegradedChanged>() == 1);
    CHECK(driver.last<action::DegradedChanged>().early_deaths == 16);
    CHECK(driver.pool.state(7) == State::Serving);
    for (int round = 0; round < 50; ++round) {
        driver.wait(100ms);
        std::size_t starting = 0;
        for (std::uint32_t seat = 0; seat < 8; ++seat) {
            starting += is_starting(driver.pool.state(seat)) ? 1U : 0U;
        }
        CHECK(starting <= 1);
        for (std::uint32_t seat = 0; seat < 7; ++seat) {
            if (is_starting(driver.pool.state(seat))) {
                driver.worker_up(seat);
            }
        }
    }
    CHECK(driver.pool.serving() == 8);
    driver.wait(61s);
    CHECK_FALSE(driver.pool.degraded());
    CHECK(driver.count<action::DegradedChanged>() == 2);
    CHECK(driver.count<action::Kill>() + driver.count<action::Abort>() + driver.count<action::Stop>() == 0);
}

// ---- zygote and balancer

TEST_CASE("the zygote's death leaves the workers alone; seats that wait for it are filled by the next one") {
    PoolDriver driver(seats(2));
    driver.all_up();
    driver.wait(2s);
    driver.dies(driver.zygote());
    CHECK(driver.last<action::Release>().next == Next::Now);
    CHECK(driver.pool.serving() == 2);
    driver.worker_dies(0);
    CHECK(driver.last<action::Release>().next == Next::Waiting);
    CHECK(driver.pool.state(0) == State::Empty);
    driver.zygote_up();
    CHECK(driver.pool.state(0) == State::Spawning);
}

TEST_CASE("a start that the zygote's death prevented is no death of the worker") {
    PoolDriver driver(seats(1));
    driver.all_up();
    driver.wait(2s);
    driver.worker_dies(0);
    driver.dies(driver.zygote());
    driver.send(input::SpawnLost{driver.worker(0).id});
    CHECK(driver.last<action::Release>().early_deaths == 0);
    driver.zygote_up();
    CHECK(driver.pool.state(0) == State::Spawning);
}

TEST_CASE("a zygote that does not fork in 10 s is replaced") {
    PoolDriver driver(seats(1));
    driver.send(input::Begin{});
    driver.balancer_up();
    driver.zygote_up();
    driver.wait(10s);
    CHECK(of<action::Kill>(driver.all).front().who == driver.zygote());
    driver.dies(driver.zygote());
    driver.send(input::SpawnLost{driver.worker(0).id});
    driver.zygote_up();
    driver.worker_up(0);
    CHECK(driver.pool.serving() == 1);
}

TEST_CASE("a later zygote that cannot import the application stops nobody and is tried again") {
    PoolDriver driver(seats(2));
    driver.all_up();
    driver.dies(driver.zygote());
    driver.wait(1s);
    driver.send(input::Hello{driver.zygote()});
    driver.send(input::Exited{driver.zygote(), false, ExitCode::AppLoad, 4});
    CHECK(driver.pool.serving() == 2);
    CHECK_FALSE(driver.pool.stopping());
    CHECK(driver.last<action::Release>().next == Next::Later);
    driver.wait(30s);
    CHECK(driver.pool.zygote_state() == State::Spawning);
}

TEST_CASE("after the balancer's death the same workers are attached to the next one") {
    PoolDriver driver(seats(2));
    driver.all_up();
    driver.wait(2s);
    const Ref first = driver.balancer();
    const std::vector<Ref> workers{driver.worker(0), driver.worker(1)};
    driver.dies(first);
    CHECK(driver.balancer().id.incarnation == first.id.incarnation + 1);
    const std::size_t prepared = driver.count<action::Prepare>();
    driver.balancer_up();
    CHECK(driver.count<action::Prepare>() == prepared + 2);
    CHECK(driver.count<action::StartAccepting>() == 2);  // clients wait in the backlog
    // An answer about the old channels is too late and means nothing.
    driver.send(input::Attached{workers[0].id, first.id.incarnation});
    CHECK(of<action::Serve>(driver.attach(0)).at(0).again);
    driver.attach(1);
    CHECK(driver.worker(0) == workers[0]);
    CHECK(driver.worker(1) == workers[1]);
    CHECK(driver.pool.serving() == 2);
}

TEST_CASE("a new balancer makes the channels of a large pool in portions") {
    PoolDriver driver(seats(100));
    driver.all_up();
    driver.wait(2s);
    driver.dies(driver.balancer());
    const std::size_t before = driver.count<action::Prepare>();
    driver.balancer_up();
    CHECK(driver.count<action::Prepare>() == before + kLinksInFlight);
    for (std::uint32_t seat = 0; seat < 100; ++seat) {
        CHECK(of<action::Serve>(driver.attach(seat)).size() == 1);
    }
    CHECK(driver.count<action::Prepare>() == before + 100);
    // A worker that leaves while it is owed its channels does not hold up the others.
    driver.wait(2s);
    driver.dies(driver.balancer());
    driver.balancer_up();
    for (std::uint32_t seat = 0; seat < kLinksInFlight; ++seat) {
        driver.worker_dies(seat);
    }
    CHECK(driver.count<action::Prepare>() == before + 100 + 2 * kLinksInFlight);
}

TEST_CASE("a worker that boots while there is no balancer is not punished for waiting") {
    PoolDriver driver(seats(1));
    driver.send(input::Begin{});
    driver.zygote_up();
    driver.send(input::Hello{driver.worker(0)});
    driver.wait(60s);
    driver.wait(60s);
    CHECK(driver.pool.state(0) == State::Booting);
}

TEST_CASE("a balancer that owes channels for too long is replaced, and not the worker") {
    PoolDriver driver(seats(1));
    driver.all_up();
    driver.wait(2s);
    driver.dies(driver.balancer());
    driver.balancer_up();
    driver.wait(60s);
    CHECK(driver.last<action::Kill>().who == driver.balancer());
    CHECK(driver.pool.state(0) == State::Serving);
}

TEST_CASE("a worker that does not attach to the next balancer is replaced") {
    PoolDriver driver(seats(1));
    driver.all_up();
    driver.wait(2s);
    driver.dies(driver.balancer());
    driver.balancer_up();
    driver.send(input::Prepared{driver.worker(0).id, driver.balancer().id.incarnation});
    driver.wait(60s);
    CHECK(driver.last<action::Kill>().who == driver.worker(0));
}

// ---- broken processes

TEST_CASE("a worker that does not become ready in time prints its stacks, is killed and retried") {
    Settings settings = seats(1);
    settings.start = 20s;
    PoolDriver driver(settings);
    driver.send(input::Begin{});
    driver.balancer_up();
    driver.zygote_up();
    driver.wait(5s);
    driver.send(input::Hello{driver.worker(0)});
    driver.send(input::Prepared{driver.worker(0).id, 1});
    driver.wait(15s - 1ns);
    CHECK(driver.count<action::Abort>() == 0);
    driver.wait(1ns);
    CHECK(driver.last<action::Abort>().reason == Reason::StartTimeout);  // counted from the fork
    driver.wait(kAbortLimit);
    CHECK(driver.last<action::Kill>().reason == Reason::AbortTimeout);
    driver.worker_dies(0, false);
    CHECK(driver.last<action::Release>().next == Next::Later);
}

TEST_CASE("a process that not even SIGKILL ends is reported and its seat is filled anew") {
    PoolDriver driver(seats(1));
    driver.all_up();
    const Ref stuck = driver.worker(0);
    driver.send(input::Broken{stuck});
    CHECK(driver.last<action::Kill>().reason == Reason::ProtocolBroken);
    driver.wait(kKillLimit);
    CHECK(driver.count<action::ReportStuck>() == 1);
    driver.wait(kStuckLimit);
    CHECK(driver.last<action::Abandon>().who == stuck);
    CHECK(driver.worker(0) != stuck);
}

TEST_CASE("a worker that speaks out of turn is killed") {
    const auto speak = GENERATE(0, 1, 2, 3, 4);
    PoolDriver driver(seats(1));
    driver.all_up();
    const Ref worker = driver.worker(0);
    switch (speak) {
        case 0:
            driver.send(input::Hello{worker});
            break;
        case 1:
            driver.send(input::Ready{worker});
            break;
        case 2:
            driver.send(input::Attached{worker.id, driver.balancer().id.incarnation});
            break;
        case 3:
            driver.worker_dies(0);
            driver.send(input::Ready{driver.worker(0)});
            break;
        default:
            driver.worker_dies(0);
            driver.send(input::Leaving{driver.worker(0).id});
    }
    CHECK(driver.last<action::Kill>().who == driver.worker(0));
    CHECK(driver.last<action::Kill>().reason == Reason::ProtocolBroken);
    CHECK(driver.pool.violations(0) == 1);
}

TEST_CASE("a worker that breaks the protocol of its channels is killed once, counted for its seat, and replaced") {
    PoolDriver driver(seats(2));
    driver.all_up();
    const std::uint32_t balancer = driver.balancer().id.incarnation;
    const Ref rogue = driver.worker(1);
    driver.send(input::Violation{rogue.id, balancer, ipc::Violation::Cursor});
    driver.send(input::Violation{rogue.id, balancer, ipc::Violation::Order});
    CHECK(driver.count<action::CountViolation>() == 1);
    CHECK(driver.last<action::CountViolation>().violation == ipc::Violation::Cursor);
    CHECK(driver.count<action::Kill>() == 1);
    CHECK(driver.last<action::Kill>().who == rogue);
    CHECK(driver.last<action::Kill>().reason == Reason::Violation);
    CHECK(driver.pool.violations(1) == 1);
    CHECK(driver.pool.violations(0) == 0);

    // It was ready a moment ago. That it "completed a response" is its own word.
    driver.worker_dies(1, true);
    CHECK(driver.last<action::Release>().next == Next::Later);
    driver.wait(1s);
    REQUIRE(driver.worker(1) != rogue);
    driver.worker_up(1);
    driver.send(input::Violation{driver.worker(1).id, balancer, ipc::Violation::Order});
    CHECK(driver.last<action::CountViolation>().of_seat == 2);
}

TEST_CASE("a balancer can accuse only workers whose channels it has made; a dead one nobody") {
    PoolDriver driver(seats(1));
    SECTION("a worker that has no channels yet") {
        driver.send(input::Begin{});
        driver.balancer_up();
        driver.zygote_up();
        driver.send(input::Hello{driver.worker(0)});
        driver.send(input::Violation{driver.worker(0).id, driver.balancer().id.incarnation, ipc::Violation::Order});
        CHECK(driver.count<action::CountViolation>() == 0);
        CHECK(driver.last<action::Kill>().who == driver.balancer());
    }
    SECTION("a balancer before this one") {
        driver.all_up();
        const std::uint32_t dead = driver.balancer().id.incarnation;
        driver.dies(driver.balancer());
        driver.balancer_up();
        driver.send(input::Violation{driver.worker(0).id, dead, ipc::Violation::Order});
        driver.send(input::CannotServe{driver.worker(0).id, dead});
        CHECK(driver.count<action::Kill>() == 0);
        CHECK(driver.pool.violations(0) == 0);
    }
    SECTION("a worker before this one") {
        driver.all_up();
        const WorkerId dead = driver.worker(0).id;
        driver.worker_dies(0);
        driver.send(input::Violation{dead, driver.balancer().id.incarnation, ipc::Violation::Order});
        CHECK(driver.count<action::Kill>() == 0);
        CHECK(driver.pool.violations(0) == 0);
    }
}

TEST_CASE("a worker that the balancer cannot serve is replaced, but accused of nothing") {
    PoolDriver driver(seats(1));
    driver.all_up();
    driver.send(input::CannotServe{driver.worker(0).id, driver.balancer().id.incarnation});
    CHECK(driver.last<action::Kill>().reason == Reason::NotServed);
    CHECK(driver.pool.violations(0) == 0);
}

TEST_CASE("a zygote that takes a living worker for unborn is killed, and the worker serves on") {
    PoolDriver driver(seats(1));
    driver.all_up();
    driver.send(input::ForkFailed{driver.worker(0).id});
    CHECK(driver.count<action::Release>() == 0);
    CHECK(driver.pool.serving() == 1);
    CHECK(driver.last<action::Kill>().who == driver.zygote());
}

TEST_CASE("a balancer that speaks out of turn is killed, not the worker it speaks of") {
    const auto speak = GENERATE(0, 1);
    PoolDriver driver(seats(1));
    driver.all_up();
    if (speak == 0) {
        driver.send(input::Drained{driver.worker(0).id});
    } else {
        driver.send(input::Prepared{driver.worker(0).id, driver.balancer().id.incarnation});
    }
    CHECK(driver.last<action::Kill>().who == driver.balancer());
    CHECK(driver.pool.serving() == 1);
}

TEST_CASE("a worker that closes its control socket has a moment to exit, then it is killed") {
    PoolDriver driver(seats(1));
    driver.all_up();
    driver.send(input::Closed{driver.worker(0)});
    CHECK(driver.count<action::Kill>() == 0);
    driver.wait(kClosedLimit);
    CHECK(driver.last<action::Kill>().reason == Reason::Unresponsive);
}

// ---- recycling

TEST_CASE("a worker whose quota is spent is drained, asked to exit and replaced") {
    PoolDriver driver(seats(2));
    driver.all_up();
    const WorkerId worker = driver.worker(0).id;
    const auto drains = of<action::Drain>(driver.send(input::QuotaSpent{worker}));
    CHECK(drains.at(0).worker == worker);
    CHECK(drains.at(0).reason == Recycle::Quota);
    CHECK(of<action::Stop>(driver.send(input::Drained{worker})).at(0).who.id == worker);
    const auto outputs = driver.worker_dies(0);
    CHECK(of<action::Release>(outputs).at(0).planned);
    CHECK(of<action::Release>(outputs).at(0).next == Next::Now);
    driver.worker_up(0);
    CHECK(driver.pool.serving() == 2);
    CHECK(driver.count<action::Kill>() == 0);
}

TEST_CASE("at most a quarter of the seats is recycled at a time, from the drain until the replacement serves") {
    for (const std::uint32_t count : {1U, 3U, 4U, 8U, 64U}) {
        PoolDriver driver(seats(count));
        driver.all_up();
        for (std::uint32_t seat = 0; seat < count; ++seat) {
            driver.send(input::QuotaSpent{driver.worker(seat).id});
        }
        const std::size_t limit = std::max(1U, count / 4);
        CHECK(driver.count<action::Drain>() == limit);
        const WorkerId first = of<action::Drain>(driver.all).front().worker;
        driver.send(input::Drained{first});
        driver.worker_dies(first.seat);
        CHECK(driver.count<action::Drain>() == limit);  // its replacement does not serve yet
        driver.worker_up(first.seat);
        CHECK(driver.count<action::Drain>() == std::min<std::size_t>(count, limit + 1));
    }
}

TEST_CASE("a worker gets its graceful time to drain, then it is ended by force") {
    PoolDriver driver(seats(1));
    driver.all_up();
    driver.send(input::QuotaSpent{driver.worker(0).id});
    driver.wait(30s);
    CHECK(driver.last<action::Abort>().reason == Reason::DrainTimeout);
}

TEST_CASE("when the balancer dies, a worker that drains has nothing left to finish") {
    PoolDriver driver(seats(1));
    driver.all_up();
    driver.send(input::QuotaSpent{driver.worker(0).id});
    driver.dies(driver.balancer());
    CHECK(driver.last<action::Stop>().who == driver.worker(0));
}

TEST_CASE("quotas are spread around max_requests and never zero") {
    Settings settings = seats(64);
    settings.max_requests = 100;
    settings.max_requests_jitter = 150;
    PoolDriver driver(settings);
    driver.all_up();
    std::set<std::uint64_t> quotas;
    for (const auto& prepare : of<action::Prepare>(driver.all)) {
        CHECK(prepare.quota >= 1);
        CHECK(prepare.quota <= 250);
        quotas.insert(prepare.quota);
    }
    CHECK(quotas.size() > 20);
}

TEST_CASE("lifetimes are spread around max_lifetime, and workers that reach theirs are recycled") {
    Settings settings = seats(8);
    settings.max_lifetime = 100s;
    settings.max_lifetime_jitter = 20s;
    PoolDriver driver(settings);
    driver.all_up();
    driver.wait(79s);
    CHECK(driver.count<action::Drain>() == 0);
    driver.wait(42s);
    CHECK(driver.count<action::Drain>() == 2);  // all are due, a quarter goes
    CHECK(driver.last<action::Drain>().reason == Recycle::Lifetime);
}

TEST_CASE("a degraded pool recycles only workers that ask to leave") {
    PoolDriver driver(seats(2));
    driver.all_up();
    while (!driver.pool.degraded()) {
        if (has_process(driver.pool.state(0))) {
            driver.worker_dies(0, false);
        }
        driver.wait(3s);
    }
    driver.send(input::QuotaSpent{driver.worker(1).id});
    CHECK(driver.count<action::Drain>() == 0);
    driver.send(input::Leaving{driver.worker(1).id});
    CHECK(driver.count<action::Drain>() == 1);
    CHECK(driver.last<action::Drain>().reason == Recycle::Asked);
}

TEST_CASE("a worker that is asked to leave while there is no balancer is not drained but stopped") {
    PoolDriver driver(seats(1));
    driver.all_up();
    driver.dies(driver.balancer());
    driver.send(input::Leaving{driver.worker(0).id});
    CHECK(driver.last<action::Stop>().who == driver.worker(0));
}

// ---- stop

TEST_CASE("a graceful stop quiesces the balancer, then asks the workers, then the balancer, and ends with 0") {
    PoolDriver driver(seats(2));
    driver.all_up();
    const std::size_t before = driver.all.size();
    driver.send(input::StopRequested{false});
    REQUIRE(driver.all.size() == before + 1);
    CHECK(driver.count<action::StopAccepting>() == 1);
    const auto stops = of<action::Stop>(driver.send(input::Quiesced{}));
    REQUIRE(stops.size() == 3);
    CHECK(stops[0].who == driver.worker(0));
    CHECK(stops[1].who == driver.worker(1));
    CHECK(stops[2].who == driver.zygote());
    driver.dies(driver.zygote());
    driver.worker_dies(0);
    driver.worker_dies(1);
    CHECK(driver.last<action::Stop>().who == driver.balancer());
    CHECK(driver.count<action::Exit>() == 0);
    driver.dies(driver.balancer());
    CHECK(driver.last<action::Exit>().code == ExitCode::Ok);
    CHECK(driver.count<action::Kill>() + driver.count<action::Abort>() == 0);
    CHECK(driver.pool.deadline() == std::nullopt);
}

TEST_CASE("requests that do not end within the graceful time do not stop the stop") {
    PoolDriver driver(seats(1));
    driver.all_up();
    driver.send(input::StopRequested{false});
    driver.wait(30s - 1ns);
    CHECK(driver.count<action::Stop>() == 0);
    driver.wait(1ns);
    CHECK(driver.count<action::Stop>() == 2);
    driver.wait(5s);
    CHECK(driver.count<action::Abort>() == 2);  // the worker and the zygote
    driver.wait(3s);
    CHECK(driver.last<action::Kill>().reason == Reason::AbortTimeout);
}

TEST_CASE("while the balancer finishes, a worker that dies is still replaced") {
    PoolDriver driver(seats(1));
    driver.all_up();
    driver.send(input::StopRequested{false});
    driver.worker_dies(0);
    CHECK(driver.pool.state(0) == State::Spawning);
    driver.worker_up(0);
    driver.send(input::Quiesced{});
    CHECK(driver.count<action::StartAccepting>() == 1);
    driver.worker_dies(0);
    CHECK(driver.last<action::Release>().next == Next::None);
}

TEST_CASE("a second request to stop, or a quick one, ends everything within seconds") {
    const bool twice = GENERATE(true, false);
    PoolDriver driver(seats(1));
    driver.all_up();
    if (twice) {
        driver.send(input::StopRequested{false});
    }
    driver.send(input::StopRequested{!twice});
    CHECK(driver.count<action::Stop>() == 2);
    driver.wait(kQuickLimit);
    const auto kills = of<action::Kill>(driver.all);
    REQUIRE(kills.size() == 2);
    CHECK(kills[0].reason == Reason::QuickStop);
    driver.dies(driver.zygote());
    driver.worker_dies(0);
    // The balancer goes last: it has to tell the clients of the killed workers.
    CHECK(driver.count<action::Stop>() == 3);
    CHECK(driver.last<action::Stop>().who == driver.balancer());
    driver.wait(kQuickLimit);
    CHECK(driver.count<action::Kill>() == 3);
    driver.dies(driver.balancer());
    CHECK(driver.last<action::Exit>().code == ExitCode::Ok);
}

TEST_CASE("a stop before anybody was served does not wait for the balancer to quiesce") {
    PoolDriver driver(seats(2));
    driver.send(input::Begin{});
    driver.balancer_up();
    driver.send(input::Hello{driver.zygote()});
    driver.send(input::StopRequested{false});
    CHECK(driver.count<action::StopAccepting>() == 0);
    CHECK(driver.last<action::Stop>().who.role == Role::Balancer);  // no worker to wait for
    driver.dies(driver.zygote());
    driver.dies(driver.balancer());
    CHECK(driver.last<action::Exit>().code == ExitCode::Ok);
}

TEST_CASE("a worker that is being forked when the stop comes is waited for") {
    PoolDriver driver(seats(1));
    driver.send(input::Begin{});
    driver.balancer_up();
    driver.zygote_up();
    driver.send(input::StopRequested{false});
    CHECK(driver.pool.state(0) == State::Terminating);
    driver.send(input::Hello{driver.worker(0)});
    driver.dies(driver.zygote());
    CHECK(driver.count<action::Exit>() == 0);
    driver.worker_dies(0, false);
    driver.dies(driver.balancer());
    CHECK(driver.last<action::Exit>().code == ExitCode::Ok);
}

TEST_CASE("when the balancer dies during the stop, its clients are gone and the stop goes on") {
    PoolDriver driver(seats(1));
    driver.all_up();
    driver.send(input::StopRequested{false});
    driver.dies(driver.balancer());
    CHECK(driver.last<action::Stop>().who.role == Role::Zygote);
    driver.dies(driver.zygote());
    driver.worker_dies(0);
    CHECK(driver.last<action::Exit>().code == ExitCode::Ok);
}

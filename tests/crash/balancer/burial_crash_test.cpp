// Two deaths: a worker is killed at any instruction of its work, and the balancer at any instruction of the burial that
// follows (harvest, judgement by the state words, re-dispatch to another worker). What is left must be right whenever
// that happens: no request is run twice, no client is told two things, a 502 means that the dead worker had claimed the
// request, and the next balancer serves.
//
// First-kill points that leave the same memory behind are the same to the burial: one of each kind is taken.
// FETTLE_CRASH_FULL=1 takes every instruction of each burial; without it some are drawn, others for each kind.
#include "tests/crash/support/kill_every_instruction.h"
#include "tests/unit/balancer_proxy/workers_rig.h"

#include <array>
#include <map>
#include <optional>

using namespace fettle;
using namespace fettle::test;

namespace {

constexpr std::size_t kRequests = 5;

std::string text_of(std::size_t number) {
    return "request " + std::to_string(number);
}

// A worker with all sorts of requests, another one that is idle, and the clients.
struct World {
    SharedPage<std::array<Wire, kRequests>> wires;
    std::vector<std::unique_ptr<WireClient>> clients;
    WorkersRig rig;
    WorkerEnd victim;
    WorkerEnd heir;
    std::array<ipc::RequestKey, kRequests> keys;

    World() {
        victim = rig.add_worker(1);
        map_responses();
        make_it_prefetch();
        for (std::size_t number = 0; number < kRequests; ++number) {
            clients.push_back(std::make_unique<WireClient>((*wires)[number]));
            keys[number] = rig.dispatch(*clients.back(), text_of(number)).key;
            REQUIRE(keys[number].sequence != 0);
        }
        heir = rig.add_worker(2);
        run_next();
        victim.head(keys[0], true);  // 0: answered, and not harvested
        run_next();
        victim.head(keys[1], false);  // 1: in the middle of its response
    }

    // What the victim does until it dies: 1 ends, 2 is answered, 3 begins, 4 waits.
    void work() {
        victim.end(keys[1]);
        run_next();
        victim.head(keys[2], true);
        run_next();
        victim.head(keys[3], false);
    }

    [[nodiscard]] ipc::RequestState state(std::size_t number) {
        return victim.worker->channels->channel(0, 0).state(keys[number]);
    }

    // True if the victim had published the end of the response.
    [[nodiscard]] bool answered(std::size_t number) {
        const std::array<std::size_t, 3> descriptors{1, 3, 4};  // the cursor behind the end of 0, 1, 2
        return number < 3 && published() >= warmed_ + descriptors[number];
    }

    // All that a burial can see of the victim.
    [[nodiscard]] std::string memory() {
        std::string image = std::to_string(published());
        for (std::size_t number = 0; number < kRequests; ++number) {
            image += " " + std::to_string(static_cast<int>(state(number)));
        }
        return image;
    }

  private:
    void make_it_prefetch() {
        Wire wire;
        WireClient client(wire);
        rig.dispatch(client, "warm").client = &client;
        const auto taken = victim.next();
        REQUIRE((taken && victim.channel().claim(taken->key)));
        victim.head(taken->key, true);
        rig.workers.harvest();
        REQUIRE(wire.complete());
        REQUIRE(rig.queue().figures().prefetch >= kRequests);
        warmed_ = published();
    }

    void run_next() {
        if (const auto taken = victim.next()) {
            (void)victim.channel().claim(taken->key);
        }
    }

    void map_responses() {
        auto fds = victim.worker->channels->duplicate_fds();
        REQUIRE(fds.has_value());
        auto mapped =
                ipc::Segment::map(fds->response_file.get(), ipc::response_file_bytes({1, 1}), ipc::Access::ReadOnly);
        REQUIRE(mapped.has_value());
        responses_ = std::move(*mapped);
    }

    [[nodiscard]] std::uint64_t published() const {
        const std::byte* channel = responses_.data() + ipc::response_channels_offset({1, 1});
        return reinterpret_cast<const ipc::ResponseChannel*>(channel)->published.load();
    }

    ipc::Segment responses_;
    std::uint64_t warmed_ = 0;
};

// Requests that the other worker finds in its ring and runs.
std::array<int, kRequests> run_by_heir(World& world) {
    std::array<int, kRequests> runs{};
    while (const auto taken = world.heir.next()) {
        for (std::size_t number = 0; number < kRequests; ++number) {
            if (taken->text == text_of(number) && world.heir.channel().claim(taken->key)) {
                ++runs[number];
            }
        }
    }
    return runs;
}

std::string next_balancer_serves() {
    Wire wire;
    WireClient client(wire);
    WorkersRig rig;
    WorkerEnd worker = rig.add_worker(2);  // the same worker, attached to channels of the new balancer
    (void)rig.dispatch(client, "after both");
    const auto taken = worker.next();
    if (!taken || taken->text != "after both" || !worker.channel().claim(taken->key)) {
        return "the next balancer's request does not come";
    }
    worker.head(taken->key, true);
    rig.workers.harvest();
    return wire.complete() ? "" : "the next balancer's client gets no answer";
}

std::string check(World& world, bool burial_complete) {
    const std::array<int, kRequests> heir = run_by_heir(world);
    for (std::size_t number = 0; number < kRequests; ++number) {
        const Wire& wire = (*world.wires)[number];
        const ipc::RequestState state = world.state(number);
        const bool claimed = state != ipc::RequestState::Queued;
        const auto wrong = [&](const char* what) { return text_of(number) + " (" + world.memory() + "): " + what; };
        if (heir[number] > (claimed ? 0 : 1)) {
            return wrong("run twice");
        }
        if (wire.failed() && (!claimed || world.answered(number))) {
            return wrong(claimed ? "given up although its answer was there"
                                 : "given up although nobody had claimed it");
        }
        if (wire.complete() && (!world.answered(number) || wire.failed())) {
            return wrong("its client was told two things");
        }
        if (burial_complete && (wire.complete() ? 1 : 0) + (wire.failed() ? 1 : 0) + heir[number] != 1) {
            return wrong("neither answered, nor given up, nor run again");
        }
    }
    return next_balancer_serves();
}

// One first-kill point of each kind: the memory it leaves, and the point. What a process has written is there for the
// survivors at once, so it need not be killed to look at it.
std::map<std::string, int> kinds_of_first_kill(int& points) {
    std::map<std::string, int> kinds;
    World world;
    SteppedChild child([&] { world.work(); });
    points = 0;
    do {
        kinds.emplace(world.memory(), points++);
    } while (child.step());
    kinds.emplace(world.memory(), points);
    return kinds;
}

std::vector<int> points_to_try(int instructions, std::uint32_t kind, std::uint32_t drawn) {
    std::vector<int> points;
    Random random(kSampleSeed + kind);
    for (int point = 0; point < instructions; ++point) {
        if (complete_walks() || random() % static_cast<std::uint32_t>(instructions) < drawn) {
            points.push_back(point);
        }
    }
    points.push_back(instructions);  // nobody kills the balancer
    return points;
}

// `drawn`: burial points per kind of first kill, about.
KillReport kill_both(const std::function<void(World&)>& bury, std::uint32_t drawn) {
    int first_points = 0;
    const auto kinds = kinds_of_first_kill(first_points);
    KillReport report;
    std::uint32_t number = 0;
    for (const auto& [memory, point] : kinds) {
        int instructions = 0;
        {
            World world;
            (void)kill_at([&] { world.work(); }, point);
            instructions = count_instructions([&] { bury(world); });
        }
        report.points += instructions;
        for (const int second : points_to_try(instructions, number, drawn)) {
            World world;
            (void)kill_at([&] { world.work(); }, point);
            const bool died = kill_at([&] { bury(world); }, second);
            report.note("worker killed before instruction " + std::to_string(point) + ", balancer before " +
                                std::to_string(second),
                        check(world, !died));
            ++report.killed;
        }
        ++number;
    }
    std::cout << "first kill: " << first_points << " points that leave " << kinds.size() << " different memories\n";
    return report;
}

}  // namespace

TEST_CASE("crash: a balancer killed while it buries a killed worker leaves nothing that is wrong", "[crash]") {
    const KillReport report = kill_both([](World& world) { world.rig.bury(world.victim); }, 15);

    print_report("balancer: bury a dead worker (second kill)", report);
    INFO(report.first);
    CHECK(report.violations == 0);
    CHECK(report.killed > 100);
}

TEST_CASE("crash: the harness finds a burial that runs claimed requests again", "[crash]") {
    const KillReport report = kill_both(
            [](World& world) {
                for (std::size_t number = 0; number < kRequests; ++number) {  // whatever their state words say
                    (void)world.rig.dispatch(*world.clients[number], text_of(number));
                }
            },
            3);

    print_report("SEEDED MISTAKE balancer: run everything again", report);
    CHECK(report.violations > 0);
}

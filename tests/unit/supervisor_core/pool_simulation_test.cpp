// A small world around the pool: processes that are born late, die at any moment, say nothing, or hang. Whatever
// happens, the invariants hold, and when the trouble ends every seat serves again.
#include "pool_driver.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

using namespace fettle;
using namespace fettle::supervisor::core;

namespace {

struct Process {
    Ref who;
    bool forked = false;  // by the zygote: unknown until its Hello
    bool born = false;
    bool said_hello = false;
    bool said_ready = false;
    bool serving = false;  // was told to
    bool told_to_leave = false;
    std::uint32_t owes_attached = 0;  // to this balancer; also after its death
    bool unkillable = false;
    bool troubled = false;  // the pool has a reason to end it
    std::optional<TimePoint> dies_at;
};

class World {
  public:
    World(Settings settings, std::uint64_t seed) : random_(seed), pool_(settings, seed ^ 0xabcdU), settings_(settings) {
        send(input::Begin{});
    }

    void run(Duration duration, bool trouble) {
        const TimePoint end = now_ + duration;
        trouble_ = trouble;
        while (now_ < end && !exited_) {
            now_ += std::chrono::milliseconds(5 + random_.next() % 60);
            step();
            if (const auto deadline = pool_.deadline(); deadline && *deadline <= now_) {
                send(input::Tick{});
                const auto next = pool_.deadline();
                REQUIRE((!next || *next > now_));  // or the loop would spin
            }
        }
    }

    // Every seat serves at one moment (workers whose lifetime is over come and go).
    bool serves_within(Duration duration) {
        const TimePoint end = now_ + duration;
        while (now_ < end && !exited_ && pool_.serving() < pool_.seats()) {
            run(std::chrono::milliseconds(1), false);
        }
        return !exited_ && pool_.serving() == pool_.seats();
    }

    void stop() { send(input::StopRequested{chance(0.3)}); }

    [[nodiscard]] const Pool& pool() const { return pool_; }

    [[nodiscard]] std::optional<ExitCode> exited() const { return exited_; }

    [[nodiscard]] std::size_t living() const { return processes_.size(); }

  private:
    bool chance(double probability) { return random_.unit() < probability; }

    bool trouble(double probability) { return trouble_ && chance(probability); }

    void send(const Input& input) {
        for (const Output& output : pool_.handle(input, now_)) {
            std::visit([this](const auto& action) { carry_out(action); }, output);
        }
        check_invariants();
    }

    Process* find(const Ref& who) {
        const auto found = std::find_if(processes_.begin(), processes_.end(),
                                        [&](const Process& process) { return process.who == who; });
        return found == processes_.end() ? nullptr : &*found;
    }

    Process& living(const Ref& who) {
        Process* process = find(who);
        REQUIRE(process != nullptr);
        return *process;
    }

    Process& living(const WorkerId& worker) { return living(Ref{Role::Worker, worker}); }

    void end(Process& process, Duration after) {
        const TimePoint when = now_ + after;
        process.dies_at = process.dies_at ? std::min(*process.dies_at, when) : when;
    }

    // ---- what the pool wants

    void carry_out(const action::Spawn& spawn) {
        if (spawn.who.role == Role::Worker) {
            REQUIRE(spawn.who.id.incarnation > last_incarnation_);
            last_incarnation_ = spawn.who.id.incarnation;
        }
        for (const Process& process : processes_) {
            REQUIRE_FALSE((process.who.role == spawn.who.role && process.who.id.seat == spawn.who.id.seat));
        }
        Process process{.who = spawn.who, .forked = spawn.method == action::Method::Fork};
        process.unkillable = trouble(0.002);
        processes_.push_back(process);
    }

    void carry_out(const action::Prepare& prepare) {
        REQUIRE(pool_.balancer_state() == State::Serving);
        owed_channels_.insert(prepare.worker.incarnation);
    }

    void carry_out(const action::Attach& attach) { living(attach.worker).owes_attached = balancer_incarnation(); }

    void carry_out(const action::Serve& serve) {
        Process& process = living(serve.worker);
        REQUIRE(process.said_ready);
        REQUIRE(attached_.count(serve.worker.incarnation) == 1);
        process.serving = true;
    }

    void carry_out(const action::Drain& drain) {
        Process& process = living(drain.worker);
        REQUIRE((process.troubled || settings_.max_lifetime > Duration::zero()));
        process.troubled = true;
        draining_.insert(drain.worker.incarnation);
    }

    void carry_out(const action::Stop& stop) {
        Process& process = living(stop.who);
        if (process.serving && !pool_.stopping()) {
            REQUIRE(process.troubled);
        }
        process.told_to_leave = true;
        if (!trouble(0.1)) {
            end(process, std::chrono::milliseconds(20));
        }
    }

    void carry_out(const action::Abort& abort) { forced(abort.who, 0.5); }

    void carry_out(const action::Kill& kill) { forced(kill.who, 0); }

    void carry_out(const action::CountViolation& count) {
        REQUIRE(living(count.worker).troubled);
        REQUIRE(count.of_seat == pool_.violations(count.worker.seat));
    }

    void forced(const Ref& who, double survives) {
        Process& process = living(who);
        if (process.serving && who.role == Role::Worker && !pool_.stopping()) {
            REQUIRE(process.troubled);  // nobody who serves and behaves is ever killed
        }
        if (!process.unkillable && !trouble(survives)) {
            end(process, std::chrono::milliseconds(4));
        }
    }

    void carry_out(const action::Release& release) {
        REQUIRE(release.delay <= settings_.restart.max_delay * 3 / 2);
        REQUIRE((release.next == Next::Later) == (release.delay > Duration::zero()));
    }

    void carry_out(const action::ReportStuck&) {}

    void carry_out(const action::Abandon& abandon) {
        REQUIRE(living(abandon.who).unkillable);
        forget(abandon.who);
    }

    void carry_out(const action::StartAccepting&) { REQUIRE(pool_.balancer_state() == State::Serving); }

    void carry_out(const action::StopAccepting&) { quiescing_ = true; }

    void carry_out(const action::DegradedChanged&) {}

    void carry_out(const action::ExecInstead&) {}

    void carry_out(const action::Exit& exit) {
        REQUIRE_FALSE(exited_);
        REQUIRE(processes_.empty());
        exited_ = exit.code;
    }

    // ---- what the world does

    void step() {
        if (quiescing_ && chance(0.3)) {
            quiescing_ = false;
            send(input::Quiesced{});
        }
        if (processes_.empty()) {
            return;
        }
        const Ref who = processes_[random_.next() % processes_.size()].who;
        Process& process = living(who);
        if (!process.dies_at && process.born && trouble(process.who.role == Role::Worker ? 0.02 : 0.004)) {
            end(process, Duration::zero());
        }
        if (!bury_the_dead()) {
            live(who);
        }
    }

    bool bury_the_dead() {
        const auto dead = std::find_if(processes_.begin(), processes_.end(), [this](const Process& process) {
            return process.dies_at && *process.dies_at <= now_ && (process.born || !process.forked);
        });
        if (dead == processes_.end()) {
            return false;
        }
        const Process process = *dead;
        forget(process.who);
        if (process.who.role == Role::Balancer) {
            attached_.clear();
            owed_channels_.clear();
            draining_.clear();
        }
        if (process.forked && !process.said_hello) {
            send(input::SpawnFailed{process.who});
        } else {
            send(input::Exited{process.who, process.serving && chance(0.7), std::nullopt, std::nullopt});
        }
        return true;
    }

    void forget(const Ref& who) {
        const auto matches = [&](const Process& process) { return process.who == who; };
        processes_.erase(std::remove_if(processes_.begin(), processes_.end(), matches), processes_.end());
    }

    // One thing that this process does next.
    void live(const Ref& who) {
        Process& process = living(who);
        const bool zygote_lives = pool_.zygote_state() == State::Serving;
        if (!process.born) {
            if (process.forked && !zygote_lives) {
                forget(who);
                send(input::SpawnLost{who.id});
            } else if (process.forked && trouble(0.1)) {
                forget(who);
                send(input::SpawnFailed{who});
            } else {
                process.born = true;
            }
            return;
        }
        if (!process.said_hello) {
            process.said_hello = true;
            send(input::Hello{who});
            return;
        }
        if (who.role == Role::Worker) {
            work(process);
        } else if (!process.said_ready && !process.told_to_leave) {
            process.said_ready = true;
            process.serving = true;
            send(input::Ready{who});
        }
    }

    void work(Process& process) {
        const WorkerId id = process.who.id;
        const std::uint32_t balancer = balancer_incarnation();
        if (balancer != 0 && owed_channels_.erase(id.incarnation) == 1) {
            send(input::Prepared{id, balancer});
        } else if (draining_.erase(id.incarnation) == 1) {
            send(input::Drained{id});
        } else if (process.owes_attached != 0) {
            const std::uint32_t to = std::exchange(process.owes_attached, 0);
            if (to == balancer) {
                attached_.insert(id.incarnation);
            }
            send(input::Attached{id, to});
        } else if (!process.said_ready && !process.told_to_leave) {
            process.said_ready = true;
            send(input::Ready{process.who});
        } else if (process.serving && trouble(0.01)) {
            process.troubled = true;
            make_trouble(process);
        }
    }

    void make_trouble(const Process& process) {
        switch (random_.next() % 6) {
            case 0:
                send(input::QuotaSpent{process.who.id});
                break;
            case 1:
                send(input::Leaving{process.who.id});
                break;
            case 2:
                send(input::Broken{process.who});
                break;
            case 3:
                send(input::Violation{process.who.id, balancer_incarnation(), ipc::Violation::Order});
                break;
            case 4:
                send(input::CannotServe{process.who.id, balancer_incarnation()});
                break;
            default:
                send(input::Closed{process.who});
        }
    }

    std::uint32_t balancer_incarnation() const {
        for (const Process& process : processes_) {
            if (process.who.role == Role::Balancer && process.serving && pool_.balancer_state() == State::Serving) {
                return process.who.id.incarnation;
            }
        }
        return 0;
    }

    void check_invariants() {
        std::size_t starting = 0;
        std::size_t draining = 0;
        for (std::uint32_t seat = 0; seat < pool_.seats(); ++seat) {
            starting += is_starting(pool_.state(seat)) ? 1U : 0U;
            draining += pool_.state(seat) == State::Draining ? 1U : 0U;
        }
        REQUIRE(draining <= std::max<std::size_t>(1, pool_.seats() / 4));
        if (pool_.degraded() && was_degraded_) {
            REQUIRE(starting <= std::max<std::size_t>(1, starting_before_));
        }
        was_degraded_ = pool_.degraded();
        starting_before_ = starting;
    }

    Random random_;
    Pool pool_;
    Settings settings_;
    TimePoint now_{1000s};
    bool trouble_ = false;
    bool quiescing_ = false;
    bool was_degraded_ = false;
    std::size_t starting_before_ = 0;
    std::uint32_t last_incarnation_ = 0;
    std::vector<Process> processes_;
    std::set<std::uint32_t> owed_channels_;  // worker incarnations
    std::set<std::uint32_t> attached_;
    std::set<std::uint32_t> draining_;
    std::optional<ExitCode> exited_;
};

Settings world_settings(std::uint64_t seed) {
    Settings settings;
    settings.seats = static_cast<std::uint32_t>(1 + seed % 9);
    settings.preload = seed % 4 != 0;
    settings.start_attempts = 1000000;  // giving up has its own tests
    settings.max_requests = seed % 3 == 0 ? 100 : 0;
    settings.max_requests_jitter = 50;
    settings.max_lifetime = seed % 5 == 0 ? 20s : 0s;
    settings.max_lifetime_jitter = 10s;
    return settings;
}

}  // namespace

TEST_CASE("whatever happens, every seat serves again when the trouble ends, and a stop leaves nothing") {
    for (std::uint64_t seed = 1; seed <= 150; ++seed) {
        INFO("seed " << seed);
        World world(world_settings(seed), seed);
        REQUIRE(world.serves_within(20s));  // a first start that succeeds
        world.run(180s, true);
        world.run(200s, false);
        REQUIRE(world.serves_within(40s));
        world.run(5s, seed % 2 == 0);
        world.stop();
        world.run(120s, seed % 2 == 0);
        REQUIRE(world.exited() == ExitCode::Ok);
        REQUIRE(world.living() == 0);
    }
}

TEST_CASE("a stop at any moment of a troubled start leaves nothing") {
    for (std::uint64_t seed = 1; seed <= 300; ++seed) {
        INFO("seed " << seed);
        World world(world_settings(seed), seed);
        world.run(std::chrono::milliseconds(seed * 13), true);
        if (!world.exited()) {
            world.stop();
            world.run(120s, true);
        }
        REQUIRE(world.exited().has_value());
        REQUIRE(world.living() == 0);
    }
}

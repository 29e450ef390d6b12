// The pool: the seats of the workers and the places of the balancer and the zygote, and every decision about them.
// Pure: inputs with their time go in, actions come out; no clock, no descriptor, no log. The same seed and inputs give
// the same actions.
//
// What it decides beside the seat's own machine (seat.h):
//
//   start        The balancer and the zygote first; a seat is filled when the zygote is ready, or at once when workers
//                exec; up to kStartsInFlight at a time, one while DEGRADED. The first serving worker opens the doors
//                (StartAccepting).
//   link         A worker can be handed requests when it is ready and attached to the living balancer. A new balancer
//                is linked with every living worker again, kLinksInFlight at a time; workers run on meanwhile.
//   restart      backoff.h. Nobody who serves is ever stopped because somebody else dies.
//   first start  Before any worker was ever ready: when the first zygote fails, or a worker that imports by itself
//                says LoadFailed, the pool gives up at once (AppLoad, Interpreter); when every seat has had
//                `start_attempts` early deaths, too (NeverReady); and when the first balancer leaves with an exit
//                code before it is ready (with that code).
//   recycle      At most max(1, seats / 4) seats at a time, from the drain until the replacement serves; while
//                DEGRADED only workers that ask for it.
//   stop         Graceful: StopAccepting, and everything goes on until the balancer is quiesced or `graceful` has
//                passed; then all workers are asked to exit, then the balancer. Quick: all of them at once, and
//                SIGKILL after kQuickLimit.
//
// Incarnation numbers of workers are drawn from one counter and never repeat.
#pragma once

#include "config/schema.h"
#include "supervisor/core/backoff.h"
#include "supervisor/core/pool_io.h"
#include "supervisor/core/random.h"
#include "supervisor/core/seat.h"

#include <deque>
#include <optional>
#include <vector>

namespace fettle::supervisor::core {

inline constexpr Duration kSpawnLimit = std::chrono::seconds(10);
inline constexpr Duration kAbortLimit = std::chrono::seconds(3);
inline constexpr Duration kKillLimit = std::chrono::seconds(10);
inline constexpr Duration kStuckLimit = std::chrono::seconds(1);
inline constexpr Duration kQuickLimit = std::chrono::seconds(1);
// The zygote forks one worker after the other; a start must not spend its time-out waiting for a thousand others.
inline constexpr std::size_t kStartsInFlight = 32;
// Channels that the balancer owes at a time: the answers of a thousand would not fit its control socket.
inline constexpr std::size_t kLinksInFlight = 32;
// From the end of a control socket to the end of its process.
inline constexpr Duration kClosedLimit = std::chrono::seconds(2);

struct Settings {
    std::uint32_t seats = 1;
    bool preload = true;
    Duration start = std::chrono::seconds(60);
    Duration graceful = std::chrono::seconds(30);
    Duration term = std::chrono::seconds(5);
    Backoff::Settings restart;
    int start_attempts = 5;
    std::int64_t max_requests = 0;
    std::int64_t max_requests_jitter = 0;
    Duration max_lifetime{};
    Duration max_lifetime_jitter{};

    // `seats`: concurrency.processes with "auto" resolved.
    [[nodiscard]] static Settings from(const config::Config& config, std::uint32_t seats);
};

class Pool {
  public:
    Pool(Settings settings, std::uint64_t seed);

    // Everything that follows from the input. Inputs about processes that are no longer there are ignored.
    [[nodiscard]] std::vector<Output> handle(const Input& input, TimePoint now);

    // When to send Tick at the latest.
    [[nodiscard]] std::optional<TimePoint> deadline() const;

    [[nodiscard]] std::size_t seats() const { return workers_.size(); }

    [[nodiscard]] State state(std::uint32_t seat) const { return workers_[seat].state; }

    [[nodiscard]] State balancer_state() const { return balancer_.state; }

    [[nodiscard]] State zygote_state() const { return zygote_.state; }

    [[nodiscard]] std::size_t serving() const;

    // worker_protocol_violation: how often a worker of this seat broke the protocol of its channels or of its control
    // socket.
    [[nodiscard]] std::uint64_t violations(std::uint32_t seat) const { return workers_[seat].violations; }

    [[nodiscard]] bool degraded() const { return intensity_.degraded(); }

    [[nodiscard]] bool stopping() const { return phase_ != Phase::Running; }

  private:
    enum class Phase { Running, Quiescing, Stopping, Gone };

    // Where the channels between a worker and the living balancer stand.
    enum class Link {
        None,       // there is no balancer, or the worker leaves
        Wanted,     // waits for its turn
        Preparing,  // the balancer owes the channels
        Attaching,  // the worker owes its answer
        Linked,
    };

    // What is known of one incarnation; starts anew with each.
    struct Filling {
        action::Method method = action::Method::Exec;
        TimePoint spawned{};
        std::optional<TimePoint> ready_since;
        bool asked = false;                        // to go: its death is no surprise
        Reason reason{};                           // of the next Abort or Kill
        bool violated = false;                     // it broke the protocol: what it says of its work is not believed
        std::optional<TimePoint> closed_deadline;  // its control socket has ended

        // Of a worker:
        bool said_ready = false;
        Link link = Link::None;
        std::optional<TimePoint> link_deadline;  // it serves, but is not linked with the living balancer
        std::uint64_t quota = 0;
        std::optional<TimePoint> recycle_at;  // its lifetime is over
        std::optional<Recycle> recycle;       // it is to be recycled
    };

    struct Place {
        Place(Ref who_, Backoff::Settings restart) : who(who_), backoff(restart) {}

        Ref who;  // the present or last filling
        State state = State::Empty;
        std::optional<TimePoint> deadline;  // the state's limit
        Filling filling;
        Backoff backoff;
        Duration restart_delay{};
        bool recycling = false;  // from the drain until the replacement serves
        std::uint64_t violations = 0;
    };

    void on(const input::Begin&);
    void on(const input::Hello& input);
    void on(const input::Ready& input);
    void on(const input::SpawnFailed& input);
    void on(const input::ForkFailed& input);
    void on(const input::SpawnLost& input);
    void on(const input::Exited& input);
    void on(const input::Closed& input);
    void on(const input::Broken& input);
    void on(const input::Violation& input);
    void on(const input::CannotServe& input);
    void on(const input::Prepared& input);
    void on(const input::Attached& input);
    void on(const input::Drained& input);
    void on(const input::Leaving& input);
    void on(const input::QuotaSpent& input);
    void on(const input::Quiesced&);
    void on(const input::StopRequested& input);
    void on(const input::Tick&);

    // The machine (pool.cpp).
    [[nodiscard]] Place* find(const Ref& who);

    [[nodiscard]] Place* find(const WorkerId& worker) { return find(Ref{Role::Worker, worker}); }

    [[nodiscard]] bool is_living_balancer(std::uint32_t incarnation) const;
    void deliver(Place& place, Event event);
    void deliver_from(Place& sender, Place& place, Event event);
    void perform(Place& place, Action action);
    void arm(Place& place);
    void kill(Place& place, Reason reason);
    void check_times(Place& place);
    void timed_out(Place& place);
    void balancer_owes_link(Place& place);
    void link_overdue(Place& place);

    // What follows (pool_rules.cpp).
    void start_what_can();
    [[nodiscard]] bool may_start(const Place& place) const;
    void spawn(Place& place);
    void served(Place& place);
    void first_worker_serves();
    void want_link(Place& place);
    void prepare_some();
    void balancer_is_ready();
    void balancer_is_gone();
    void serve_if_linked(Place& place);
    [[nodiscard]] static ExitCode silent_death(const input::Exited& exited);
    [[nodiscard]] std::optional<ExitCode> fatal_at_first_start(const Place& place, const input::Exited& exited) const;
    void died(Place& place, bool did_its_work, bool give_up_on_it);
    void early_death(Place& place);
    void release(Place& place);
    void give_up_if_failed();
    void give_up(ExitCode code);
    void want_recycled(Place& place, Recycle reason);
    void recycle_some();
    void stop_workers(bool quick);
    void finish_if_empty();

    template <class Value>
    void emit(Value value) {
        outputs_.emplace_back(std::move(value));
    }

    Settings settings_;
    Random random_;
    std::vector<Place> workers_;
    Place balancer_;
    Place zygote_;
    Intensity intensity_;
    Phase phase_ = Phase::Running;
    bool begun_ = false;
    bool preload_;
    bool balancer_was_ready_ = false;  // these three: at least once
    bool zygote_was_ready_ = false;
    bool worker_was_ready_ = false;
    bool accepting_ = false;  // StartAccepting was said
    bool quick_ = false;
    ExitCode exit_code_ = ExitCode::Ok;
    std::optional<TimePoint> quiesce_deadline_;
    std::uint32_t last_worker_incarnation_ = 0;
    std::deque<WorkerId> recycle_queue_;  // those that are to be recycled, oldest first
    TimePoint now_{};
    std::vector<Output> outputs_;
};

}  // namespace fettle::supervisor::core

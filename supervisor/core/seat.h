// The life of a seat: a pure, table-driven state machine. A seat is a place that one process fills at a time. The seats
// of the workers use all of it; the places of the balancer and of the zygote use the same table without Draining.
//
//           Start           Hello          Ready          Recycle           Drained
//     Empty -----> Spawning -----> Booting -----> Serving -------> Draining -------> Terminating
//       ^                                                                                 | Timeout
//       |                       Timeout              Timeout                              v
//       +------- Stuck <------------------- Killing <----------------------------------- Aborting
//                                           SIGKILL                                      SIGABRT
//
//     Stop        from every state with a process to Terminating
//     Kill        likewise to Killing
//     Exit        likewise to Empty: restarted at once
//     EarlyExit   likewise to Backoff, and after its delay to Empty
//     FinalExit   likewise to Failed, until Revive
//
// Priorities, when several things are known at once: what the process said before it died counts first (LoadFailed
// before Exit), then its death, then Kill, then Stop, then Recycle; time-outs last, so that nobody is killed for an
// answer that has already arrived.
//
// Invariants (tests/unit/supervisor_core):
//   - One process per seat: Start is possible in Empty only, and Empty is left only by Start.
//   - A process is let go only after proof of its death (Exit, EarlyExit, FinalExit), after proof that none was born
//     (ZygoteLost), or when not even SIGKILL ends it (Stuck: uninterruptible sleep).
//   - Every state with a process, but Serving, has a time-out, so no seat waits for ever.
//   - Aborting and Killing are never left for a state in which the process could get requests.
//
// The pool (pool.h) chooses which of the three exits happened and when Start may come; the shell (../app.h) carries the
// actions out.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace fettle::supervisor::core {

enum class State : std::uint8_t {
    Empty,        // no process; starts as soon as the pool permits
    Spawning,     // asked for; no word from it yet
    Booting,      // said Hello: its pid is known
    Serving,      // ready
    Draining,     // gets no new requests, finishes the ones it has
    Terminating,  // asked to exit
    Aborting,     // SIGABRT sent, so that it can print its stacks
    Killing,      // SIGKILL sent
    Stuck,        // not even SIGKILL ended it
    Backoff,      // waits before the next start
    Failed,       // gave up: too many early deaths while no worker had ever been ready
};

enum class Event : std::uint8_t {
    Start,         // the pool fills the seat
    Hello,         // the process lives and its pid is known
    Ready,         // it can serve: for a worker, READY and attached to the balancer
    Recycle,       // replace it: its quota or lifetime is spent, or it asks to leave
    Drained,       // the balancer: nothing is in flight at this worker
    BalancerLost,  // the balancer died: nothing in flight at any worker matters any more
    ZygoteLost,    // the start came to nothing through no fault of the seat: no process was born
    Stop,          // the pool stops
    Kill,          // the process is broken, or the pool stops quickly
    Timeout,       // the state's limit has passed
    Exit,          // proof of death: it was asked to, or it had served; restart at once
    EarlyExit,     // proof of death before or right after READY, or it could not be started
    FinalExit,     // as EarlyExit, and no further start
    Revive,        // another worker became ready: try again
};

enum class Action : std::uint8_t {
    None,
    Spawn,        // fork or exec a new incarnation
    Serve,        // let it work (a worker: credits flow)
    Drain,        // the balancer grants it nothing more and recalls what it has not begun
    Stop,         // ask it to finish and exit
    Terminate,    // Stop, and SIGTERM for one that does not listen yet
    Abort,        // SIGABRT
    Kill,         // SIGKILL
    Release,      // reaped: tell the balancer, free what belonged to it
    ReportStuck,  // tell people
    Abandon,      // let go of a process that cannot die; it is reaped when it does
};

// What bounds the stay in a state.
enum class Limit : std::uint8_t { None, Spawn, Start, Graceful, Term, Abort, Kill, Stuck, Backoff };

inline constexpr std::size_t kStates = 11;
inline constexpr std::size_t kEvents = 14;
inline constexpr std::size_t kActions = 11;

struct Transition {
    enum class Verdict : std::uint8_t {
        Go,          // change to `next` and carry out `action`
        Ignored,     // may happen, and means nothing in this state
        Impossible,  // cannot happen: a bug of ours, or a peer that breaks the protocol
    };
    Verdict verdict;
    State next;
    Action action;

    bool operator==(const Transition&) const = default;
};

using Table = std::array<std::array<Transition, kEvents>, kStates>;

[[nodiscard]] const Table& table();
[[nodiscard]] const Transition& transition(State state, Event event);
[[nodiscard]] Limit limit_of(State state);

// Whether a process may exist in this state.
[[nodiscard]] constexpr bool has_process(State state) {
    return state != State::Empty && state != State::Backoff && state != State::Failed;
}

// On its way up: counts as "in flight" while the pool is degraded.
[[nodiscard]] constexpr bool is_starting(State state) {
    return state == State::Spawning || state == State::Booting;
}

// On its way out: it was asked to end or is being ended.
[[nodiscard]] constexpr bool is_leaving(State state) {
    return state == State::Draining || state == State::Terminating || state == State::Aborting ||
           state == State::Killing || state == State::Stuck;
}

[[nodiscard]] std::string_view name_of(State state);
[[nodiscard]] std::string_view name_of(Event event);
[[nodiscard]] std::string_view name_of(Action action);
[[nodiscard]] std::string_view meaning_of(State state);
[[nodiscard]] std::string_view meaning_of(Event event);
[[nodiscard]] std::string_view meaning_of(Action action);
[[nodiscard]] std::string_view meaning_of(Limit limit);  // the setting or the constant

}  // namespace fettle::supervisor::core

#include "supervisor/core/seat.h"

namespace fettle::supervisor::core {

namespace {

constexpr Transition go(State next, Action action = Action::None) {
    return {Transition::Verdict::Go, next, action};
}

// Short, because the table is read as a matrix.
constexpr Transition kI{Transition::Verdict::Ignored, State::Empty, Action::None};
constexpr Transition kX{Transition::Verdict::Impossible, State::Empty, Action::None};

using enum State;
using A = Action;

// One row per state, in the order of State; one cell per event, in the order of Event:
//   Start, Hello, Ready, Recycle, Drained,
//   BalancerLost, ZygoteLost, Stop, Kill, Timeout,
//   Exit, EarlyExit, FinalExit, Revive
// kI: ignored, kX: impossible.
// clang-format off
constexpr Table kTable = {{
    /* Empty */ {
        go(Spawning, A::Spawn), kX, kX, kX, kX,
        kI, kX, kI, kI, kX,
        kX, kX, kX, kX},
    /* Spawning */ {
        kX, go(Booting), kX, kX, kX,
        kI, go(Empty, A::Release), go(Terminating, A::Terminate), go(Killing, A::Kill), go(Killing, A::Kill),
        kX, go(Backoff, A::Release), go(Failed, A::Release), kX},
    /* Booting */ {
        kX, kX, go(Serving, A::Serve), go(Terminating, A::Terminate), kX,
        kI, kX, go(Terminating, A::Terminate), go(Killing, A::Kill), go(Aborting, A::Abort),
        kX, go(Backoff, A::Release), go(Failed, A::Release), kX},
    /* Serving */ {
        kX, kX, kX, go(Draining, A::Drain), kX,
        kI, kX, go(Terminating, A::Stop), go(Killing, A::Kill), kX,
        go(Empty, A::Release), go(Backoff, A::Release), kX, kX},
    /* Draining */ {
        kX, kX, kX, kI, go(Terminating, A::Stop),
        go(Terminating, A::Stop), kX, go(Terminating, A::Stop), go(Killing, A::Kill), go(Aborting, A::Abort),
        go(Empty, A::Release), kX, kX, kX},
    /* Terminating */ {
        kX, kI, kI, kI, kI,
        kI, go(Empty, A::Release), kI, go(Killing, A::Kill), go(Aborting, A::Abort),
        go(Empty, A::Release), kX, kX, kX},
    /* Aborting */ {
        kX, go(Aborting, A::Abort), kI, kI, kI,
        kI, go(Empty, A::Release), kI, go(Killing, A::Kill), go(Killing, A::Kill),
        go(Empty, A::Release), go(Backoff, A::Release), go(Failed, A::Release), kX},
    /* Killing */ {
        kX, go(Killing, A::Kill), kI, kI, kI,
        kI, go(Empty, A::Release), kI, kI, go(Stuck, A::ReportStuck),
        go(Empty, A::Release), go(Backoff, A::Release), go(Failed, A::Release), kX},
    /* Stuck */ {
        kX, go(Killing, A::Kill), kI, kI, kI,
        kI, go(Empty, A::Release), kI, kI, go(Empty, A::Abandon),
        go(Empty, A::Release), go(Backoff, A::Release), go(Failed, A::Release), kX},
    /* Backoff */ {
        kX, kX, kX, kX, kX,
        kI, kX, go(Empty), go(Empty), go(Empty),
        kX, kX, kX, kX},
    /* Failed */ {
        kX, kX, kX, kX, kX,
        kI, kX, go(Empty), go(Empty), kX,
        kX, kX, kX, go(Empty)},
}};

constexpr std::array<Limit, kStates> kLimits = {
    Limit::None, Limit::Spawn, Limit::Start, Limit::None, Limit::Graceful, Limit::Term,
    Limit::Abort, Limit::Kill, Limit::Stuck, Limit::Backoff, Limit::None};
// clang-format on

static_assert(static_cast<std::size_t>(State::Failed) + 1 == kStates);
static_assert(static_cast<std::size_t>(Event::Revive) + 1 == kEvents);
static_assert(static_cast<std::size_t>(Action::Abandon) + 1 == kActions);
static_assert(sizeof(Transition) == 3);
static_assert(sizeof(Table) == kStates * kEvents * sizeof(Transition));

// A state has a limit exactly if something must happen there.
constexpr bool limits_match_timeouts() {
    for (std::size_t state = 0; state < kStates; ++state) {
        const bool has_timeout =
                kTable[state][static_cast<std::size_t>(Event::Timeout)].verdict == Transition::Verdict::Go;
        if (has_timeout != (kLimits[state] != Limit::None)) {
            return false;
        }
    }
    return true;
}

static_assert(limits_match_timeouts());

struct Word {
    std::string_view name;
    std::string_view meaning;
};

constexpr std::array<Word, kStates> kStateWords = {{
        {"Empty", "no process; starts as soon as the pool permits"},
        {"Spawning", "asked for; no word from it yet"},
        {"Booting", "said Hello: its pid is known"},
        {"Serving", "ready"},
        {"Draining", "gets no new requests, finishes the ones it has"},
        {"Terminating", "asked to exit"},
        {"Aborting", "SIGABRT sent, so that it can print its stacks"},
        {"Killing", "SIGKILL sent"},
        {"Stuck", "not even SIGKILL ended it (uninterruptible sleep)"},
        {"Backoff", "waits before the next start"},
        {"Failed", "gave up: too many early deaths while no worker had ever been ready"},
}};

constexpr std::array<Word, kEvents> kEventWords = {{
        {"Start", "the pool fills the seat"},
        {"Hello", "the process lives and its pid is known"},
        {"Ready", "it can serve: for a worker, READY and attached to the balancer"},
        {"Recycle", "replace it: its quota or lifetime is spent, or it asks to leave"},
        {"Drained", "the balancer has nothing in flight at this worker"},
        {"BalancerLost", "the balancer died; nothing in flight matters any more"},
        {"ZygoteLost", "the start came to nothing through no fault of the seat: no process was born"},
        {"Stop", "the pool stops"},
        {"Kill", "the process is broken, or the pool stops quickly"},
        {"Timeout", "the limit of the state has passed"},
        {"Exit", "proof of death: it was asked to exit, or had served; it is restarted at once"},
        {"EarlyExit", "proof of death before or right after READY, or it could not be started"},
        {"FinalExit", "as EarlyExit, and the attempts of the first start are spent"},
        {"Revive", "another worker became ready: try again"},
}};

constexpr std::array<Word, kActions> kActionWords = {{
        {"None", "nothing"},
        {"Spawn", "fork (by the zygote) or exec a new incarnation"},
        {"Serve", "let it work; for a worker, credits flow"},
        {"Drain", "the balancer grants it nothing more and recalls what it has not begun"},
        {"Stop", "ask it to finish and exit"},
        {"Terminate", "Stop, and SIGTERM for one that does not listen yet"},
        {"Abort", "SIGABRT"},
        {"Kill", "SIGKILL"},
        {"Release", "reaped: tell the balancer, free what belonged to it"},
        {"ReportStuck", "tell people"},
        {"Abandon", "let go of a process that cannot die; it is reaped when it does"},
}};

template <class Enum, std::size_t Size>
const Word& word(const std::array<Word, Size>& words, Enum value) {
    return words[static_cast<std::size_t>(value)];
}

}  // namespace

const Table& table() {
    return kTable;
}

const Transition& transition(State state, Event event) {
    return kTable[static_cast<std::size_t>(state)][static_cast<std::size_t>(event)];
}

Limit limit_of(State state) {
    return kLimits[static_cast<std::size_t>(state)];
}

std::string_view name_of(State state) {
    return word(kStateWords, state).name;
}

std::string_view name_of(Event event) {
    return word(kEventWords, event).name;
}

std::string_view name_of(Action action) {
    return word(kActionWords, action).name;
}

std::string_view meaning_of(State state) {
    return word(kStateWords, state).meaning;
}

std::string_view meaning_of(Event event) {
    return word(kEventWords, event).meaning;
}

std::string_view meaning_of(Action action) {
    return word(kActionWords, action).meaning;
}

std::string_view meaning_of(Limit limit) {
    switch (limit) {
        case Limit::None:
            return "none";
        case Limit::Spawn:
            return "10 s for a fork by the zygote, else `timeouts.start`";
        case Limit::Start:
            return "`timeouts.start`, counted from Spawning";
        case Limit::Graceful:
            return "`timeouts.graceful`";
        case Limit::Term:
            return "`timeouts.term`; 1 s in a quick stop";
        case Limit::Abort:
            return "3 s; 1 s in a quick stop";
        case Limit::Kill:
            return "10 s";
        case Limit::Stuck:
            return "1 s";
        case Limit::Backoff:
            return "the restart delay";
    }
    return "";
}

}  // namespace fettle::supervisor::core

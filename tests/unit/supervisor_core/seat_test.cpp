#include "supervisor/core/seat.h"

#include <catch2/catch.hpp>

#include <set>
#include <string>

using namespace fettle::supervisor::core;
using Verdict = Transition::Verdict;

namespace {

template <class Check>
void for_each_pair(Check check) {
    for (std::size_t state = 0; state < kStates; ++state) {
        for (std::size_t event = 0; event < kEvents; ++event) {
            const auto from = static_cast<State>(state);
            const auto with = static_cast<Event>(event);
            INFO(name_of(from) << " + " << name_of(with));
            check(from, with, transition(from, with));
        }
    }
}

bool is_exit(Event event) {
    return event == Event::Exit || event == Event::EarlyExit || event == Event::FinalExit;
}

std::set<State> reachable_from(State start) {
    std::set<State> seen{start};
    std::set<State> todo{start};
    while (!todo.empty()) {
        const State state = todo.extract(todo.begin()).value();
        for (std::size_t event = 0; event < kEvents; ++event) {
            const Transition& step = transition(state, static_cast<Event>(event));
            if (step.verdict == Verdict::Go && seen.insert(step.next).second) {
                todo.insert(step.next);
            }
        }
    }
    return seen;
}

}  // namespace

TEST_CASE("every state and event has a defined transition or says that it has none") {
    std::size_t pairs = 0;
    for_each_pair([&](State, Event, const Transition& step) {
        ++pairs;
        if (step.verdict == Verdict::Go) {
            CHECK(static_cast<std::size_t>(step.next) < kStates);
            CHECK(static_cast<std::size_t>(step.action) < kActions);
        } else {
            CHECK((step.verdict == Verdict::Ignored || step.verdict == Verdict::Impossible));
            CHECK(step.action == Action::None);
        }
    });
    CHECK(pairs == kStates * kEvents);
}

TEST_CASE("a seat starts a process only when it has none") {
    for_each_pair([](State from, Event with, const Transition& step) {
        if (step.verdict != Verdict::Go) {
            return;
        }
        CHECK((step.action == Action::Spawn) == (with == Event::Start));
        CHECK((step.next == State::Spawning) == (with == Event::Start));
        if (with == Event::Start) {
            CHECK(from == State::Empty);
        }
        if (!has_process(from) && with != Event::Start) {
            CHECK(step.next == State::Empty);
            CHECK(step.action == Action::None);
        }
    });
}

TEST_CASE("a process is let go only after proof of its death, of its never having lived, or when nothing ends it") {
    for_each_pair([](State from, Event with, const Transition& step) {
        if (step.verdict != Verdict::Go || !has_process(from)) {
            return;
        }
        const bool let_go = !has_process(step.next);
        CHECK(let_go == (step.action == Action::Release || step.action == Action::Abandon));
        if (step.action == Action::Release) {
            CHECK((is_exit(with) || with == Event::ZygoteLost));
        }
        if (step.action == Action::Abandon) {
            CHECK(from == State::Stuck);
        }
    });
}

TEST_CASE("each kind of exit leads to its own next step, from every state that can exit") {
    for_each_pair([](State, Event with, const Transition& step) {
        if (step.verdict != Verdict::Go) {
            return;
        }
        if (with == Event::Exit || with == Event::ZygoteLost) {
            CHECK(step.next == State::Empty);
        } else if (with == Event::EarlyExit) {
            CHECK(step.next == State::Backoff);
        } else if (with == Event::FinalExit) {
            CHECK(step.next == State::Failed);
        }
    });
}

TEST_CASE("a stop ends every living process and a kill ends it by force") {
    for (std::size_t index = 0; index < kStates; ++index) {
        const auto state = static_cast<State>(index);
        INFO(name_of(state));
        const Transition& stop = transition(state, Event::Stop);
        const Transition& kill = transition(state, Event::Kill);
        CHECK(stop.verdict != Verdict::Impossible);
        CHECK(kill.verdict != Verdict::Impossible);
        if (has_process(state)) {
            CHECK((is_leaving(state) || stop.next == State::Terminating));
            CHECK((state == State::Killing || state == State::Stuck || kill.next == State::Killing));
        }
    }
}

TEST_CASE("a seat with a process never waits for ever, unless it serves") {
    for (std::size_t index = 0; index < kStates; ++index) {
        const auto state = static_cast<State>(index);
        INFO(name_of(state));
        const bool bounded = limit_of(state) != Limit::None;
        CHECK(bounded == (transition(state, Event::Timeout).verdict == Verdict::Go));
        if (has_process(state) && state != State::Serving) {
            CHECK(bounded);
        }
    }
}

TEST_CASE("a process that is being ended by force never serves again") {
    for (const State state : {State::Aborting, State::Killing, State::Stuck}) {
        for (std::size_t index = 0; index < kEvents; ++index) {
            const auto event = static_cast<Event>(index);
            INFO(name_of(state) << " + " << name_of(event));
            const Transition& step = transition(state, event);
            if (step.verdict == Verdict::Go) {
                CHECK((!has_process(step.next) || step.next == State::Aborting || step.next == State::Killing ||
                       step.next == State::Stuck));
            }
        }
    }
}

TEST_CASE("time-outs alone walk from an unwilling process to its end") {
    State state = State::Draining;
    std::vector<Action> actions;
    while (has_process(state)) {
        const Transition& step = transition(state, Event::Timeout);
        REQUIRE(step.verdict == Verdict::Go);
        actions.push_back(step.action);
        state = step.next;
    }
    CHECK(actions == std::vector<Action>{Action::Abort, Action::Kill, Action::ReportStuck, Action::Abandon});
}

TEST_CASE("every state can be reached, and from every state a seat can become empty again") {
    CHECK(reachable_from(State::Empty).size() == kStates);
    for (std::size_t index = 0; index < kStates; ++index) {
        INFO(name_of(static_cast<State>(index)));
        CHECK(reachable_from(static_cast<State>(index)).count(State::Empty) == 1);
    }
}

TEST_CASE("the action belongs to the state that is entered") {
    for_each_pair([](State, Event, const Transition& step) {
        if (step.verdict != Verdict::Go || !has_process(step.next)) {
            return;
        }
        switch (step.next) {
            case State::Spawning:
                CHECK(step.action == Action::Spawn);
                break;
            case State::Booting:
                CHECK(step.action == Action::None);
                break;
            case State::Serving:
                CHECK(step.action == Action::Serve);
                break;
            case State::Draining:
                CHECK(step.action == Action::Drain);
                break;
            case State::Terminating:
                CHECK((step.action == Action::Stop || step.action == Action::Terminate));
                break;
            case State::Aborting:
                CHECK(step.action == Action::Abort);
                break;
            case State::Killing:
                CHECK(step.action == Action::Kill);
                break;
            case State::Stuck:
                CHECK(step.action == Action::ReportStuck);
                break;
            case State::Empty:
            case State::Backoff:
            case State::Failed:
                FAIL("has no process");
        }
    });
}

#include "supervisor/core/lifecycle_doc.h"

#include "supervisor/core/seat.h"

#include <cstddef>

namespace fettle::supervisor::core {

namespace {

template <class Enum>
Enum at(std::size_t index) {
    return static_cast<Enum>(index);
}

std::string code(std::string_view name) {
    return "`" + std::string(name) + "`";
}

std::string line(std::initializer_list<std::string> cells) {
    std::string text = "|";
    for (const std::string& cell : cells) {
        text += " " + cell + " |";
    }
    return text + "\n";
}

// The exits of all states, and Stop and Kill, would hide the rest: the words below the diagram say where they lead.
bool is_drawn(Event event) {
    return event != Event::Stop && event != Event::Kill && event != Event::ZygoteLost && event != Event::Exit &&
           event != Event::EarlyExit && event != Event::FinalExit;
}

std::string diagram() {
    std::string text = "```mermaid\nstateDiagram-v2\n    [*] --> Empty\n";
    for (std::size_t state = 0; state < kStates; ++state) {
        for (std::size_t event = 0; event < kEvents; ++event) {
            const Transition& step = transition(at<State>(state), at<Event>(event));
            if (step.verdict == Transition::Verdict::Go && is_drawn(at<Event>(event))) {
                text += "    " + std::string(name_of(at<State>(state))) + " --> " + std::string(name_of(step.next)) +
                        ": " + std::string(name_of(at<Event>(event))) + "\n";
            }
        }
    }
    return text + "```\n";
}

std::string states() {
    std::string text = line({"state", "meaning", "limit"}) + line({"---", "---", "---"});
    for (std::size_t state = 0; state < kStates; ++state) {
        text += line({code(name_of(at<State>(state))), std::string(meaning_of(at<State>(state))),
                      std::string(meaning_of(limit_of(at<State>(state))))});
    }
    return text;
}

std::string events() {
    std::string text = line({"event", "meaning"}) + line({"---", "---"});
    for (std::size_t event = 0; event < kEvents; ++event) {
        text += line({code(name_of(at<Event>(event))), std::string(meaning_of(at<Event>(event)))});
    }
    return text;
}

std::string actions() {
    std::string text = line({"action", "meaning"}) + line({"---", "---"});
    for (std::size_t action = 1; action < kActions; ++action) {  // without None
        text += line({code(name_of(at<Action>(action))), std::string(meaning_of(at<Action>(action)))});
    }
    return text;
}

std::string cell(const Transition& step) {
    switch (step.verdict) {
        case Transition::Verdict::Ignored:
            return "ignored";
        case Transition::Verdict::Impossible:
            return "–";
        case Transition::Verdict::Go:
            break;
    }
    std::string text = "**" + std::string(name_of(step.next)) + "**";
    if (step.action != Action::None) {
        text += ", " + std::string(name_of(step.action));
    }
    return text;
}

// Events as rows: eleven columns fit a page, fourteen do not.
std::string transitions() {
    std::string head = "| |";
    std::string rule = "| --- |";
    for (std::size_t state = 0; state < kStates; ++state) {
        head += " " + std::string(name_of(at<State>(state))) + " |";
        rule += " --- |";
    }
    std::string text = head + "\n" + rule + "\n";
    for (std::size_t event = 0; event < kEvents; ++event) {
        text += "| " + code(name_of(at<Event>(event))) + " |";
        for (std::size_t state = 0; state < kStates; ++state) {
            text += " " + cell(transition(at<State>(state), at<Event>(event))) + " |";
        }
        text += "\n";
    }
    return text;
}

}  // namespace

std::string lifecycle_markdown() {
    return "# The life of a seat\n\n"
           "Generated from the state table in `supervisor/core/seat.cpp` by `fettle lifecycle`; a test fails when this "
           "page "
           "differs from it.\n\n"
           "A seat is a place that one process fills at a time. The workers' seats use the whole table; the places of "
           "the balancer and\n"
           "of the zygote use the same table without `Draining`.\n\n" +
           diagram() +
           "\n`Stop` leads from every state with a process to `Terminating`, `Kill` to `Killing`. The three exits are "
           "proofs of death\n"
           "(by the pidfd) and end every state with a process: which one it is, follows from the restart rule.\n\n"
           "## States\n\n" +
           states() + "\n## Events\n\n" + events() + "\n## Actions\n\n" + actions() +
           "\n## The table\n\n"
           "Each cell names the next state and the action; \"–\" is impossible: a bug of fettle, or a process that "
           "breaks the protocol and\n"
           "is killed for it.\n\n" +
           transitions() +
           "\n## The restart rule\n\n"
           "A death is early if it comes before READY, or less than 1 s after it without a completed response. After "
           "the n-th early death\n"
           "in a row the seat waits min(`restart.max_delay`, `restart.base_delay` · 2^(n-1)), times a random factor "
           "from 0.5 to 1.5.\n"
           "After any other death it is restarted at once and n is 0.\n\n"
           "max(5, 2 · seats) early deaths within 30 s make the pool DEGRADED: it keeps one start in flight and "
           "recycles nobody, until 60 s\n"
           "have passed without an early death. It never stops a worker that serves.\n\n"
           "## The first start\n\n"
           "| what happens before any worker was ever ready | exit code |\n"
           "| --- | --- |\n"
           "| the application cannot be imported, or the import kills the interpreter or exceeds `timeouts.start` | 4 "
           "|\n"
           "| the interpreter is missing, or fettle has no runtime for its ABI | 6 |\n"
           "| every seat had `restart.start_attempts` early deaths | 3 |\n"
           "| the balancer leaves with an exit code before it is ready | that code |\n"
           "| the balancer is killed `restart.start_attempts` times before it is ready | 1 |\n";
}

}  // namespace fettle::supervisor::core

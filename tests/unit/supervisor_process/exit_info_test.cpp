#include "supervisor/process/exit_info.h"

#include "temporary_directory.h"

#include <catch2/catch.hpp>

using namespace fettle::supervisor;
using fettle::testing::TemporaryDirectory;

namespace {

siginfo_t died(int code, int status) {
    siginfo_t info{};
    info.si_code = code;
    info.si_status = status;
    return info;
}

ExitInfo::Signals sent(std::initializer_list<int> signals) {
    ExitInfo::Signals set;
    for (const int signal : signals) {
        set.set(static_cast<std::size_t>(signal));
    }
    return set;
}

}  // namespace

TEST_CASE("the cause of a death is named in words") {
    CHECK(describe(ExitInfo::from(died(CLD_EXITED, 3), {})) == "exit code 3");
    CHECK(describe(ExitInfo::from(died(CLD_KILLED, SIGSEGV), {})) == "signal 11 (SIGSEGV)");
    CHECK(describe(ExitInfo::from(died(CLD_DUMPED, SIGABRT), {})) == "signal 6 (SIGABRT), core dumped");
    CHECK(describe(ExitInfo::from(died(CLD_KILLED, SIGKILL), {})) == "signal 9 (SIGKILL), not sent by fettle");
    CHECK(describe(ExitInfo::from(died(CLD_KILLED, SIGKILL), sent({SIGKILL}))) == "signal 9 (SIGKILL), sent by fettle");
    CHECK(describe(ExitInfo::from(died(CLD_KILLED, SIGTERM), sent({SIGKILL}))) == "signal 15 (SIGTERM)");
    CHECK(describe(ExitInfo::from(died(CLD_KILLED, 40), {})) == "signal 40");
}

TEST_CASE("an exit code that looks like a signal of ours is no signal") {
    const ExitInfo info = ExitInfo::from(died(CLD_EXITED, SIGKILL), sent({SIGKILL}));
    CHECK_FALSE(info.signal_was_ours);
    CHECK(info.exit_code() == SIGKILL);
    CHECK(describe(info) == "exit code 9");
    CHECK(ExitInfo::from(died(CLD_KILLED, SIGKILL), {}).exit_code() == std::nullopt);
}

TEST_CASE("whoever ended by itself with 0, or by a signal of ours, ended as it should") {
    CHECK(ExitInfo::from(died(CLD_EXITED, 0), {}).clean());
    CHECK(ExitInfo::from(died(CLD_KILLED, SIGTERM), sent({SIGTERM})).clean());
    // SIGKILL was sent, but the SIGABRT before it did the work.
    CHECK(ExitInfo::from(died(CLD_DUMPED, SIGABRT), sent({SIGABRT, SIGKILL})).clean());
    CHECK_FALSE(ExitInfo::from(died(CLD_EXITED, 1), sent({SIGTERM})).clean());
    CHECK_FALSE(ExitInfo::from(died(CLD_KILLED, SIGSEGV), sent({SIGTERM})).clean());
}

TEST_CASE("a program that could not be started says why instead of its exit code") {
    ExitInfo info = ExitInfo::from(died(CLD_EXITED, 127), {});
    info.start_failure = "cannot execute '/x': No such file or directory";
    CHECK(describe(info) == "cannot execute '/x': No such file or directory");
}

TEST_CASE("an out-of-memory kill is suspected when the kernel's count has risen, once per kill") {
    const TemporaryDirectory tree;
    tree.write("memory.events", "oom 1\noom_kill 2\n");
    OomCounter counter(tree.path() + "/memory.events");
    CHECK_FALSE(counter.has_risen());  // what was before is not ours
    tree.write("memory.events", "oom 2\noom_kill 3\n");
    CHECK(counter.has_risen());
    CHECK_FALSE(counter.has_risen());
    ExitInfo info = ExitInfo::from(died(CLD_KILLED, SIGKILL), {});
    info.out_of_memory = true;
    CHECK(describe(info) == "signal 9 (SIGKILL), probably out of memory");
}

TEST_CASE("without a memory controller nothing is suspected") {
    CHECK_FALSE(OomCounter("").has_risen());
    CHECK_FALSE(OomCounter("/nonexistent/memory.events").has_risen());
}

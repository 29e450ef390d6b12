// Kills a process at every instruction of an operation on shared memory and looks at what a survivor finds.
//
// For k = 0, 1, 2 ... until the operation runs to its end: a fresh world is made, a child runs the operation under
// PTRACE_SINGLESTEP and is killed (SIGKILL) right before its k-th instruction inside it; then the survivor checks.
// ptrace(2); x86-64 and aarch64. Build without lazy binding (-z now), or every first call adds hundreds of steps.
#pragma once

#include <catch2/catch.hpp>

#include <signal.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>
#include <memory>
#include <string>

namespace fettle::test {

struct KillReport {
    int points = 0;      // instructions of the operation, each killed once
    int violations = 0;  // survivors that found something wrong
    std::string first;   // the first of these
};

namespace detail {

// Where the child is, in memory that parent and child share.
struct Phase {
    volatile int value = 0;  // 0: before the operation, 1: inside, 2: behind it
};

inline Phase* shared_phase() {
    void* page = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    REQUIRE(page != MAP_FAILED);
    return new (page) Phase;
}

// Steps the stopped child until it is about to run instruction `kill_at` of the operation, then kills it. Returns false
// if the operation ended before.
inline bool step_and_kill(pid_t child, const Phase& phase, int kill_at) {
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);  // the SIGSTOP it raised
    int inside = 0;
    bool killed_inside = false;
    while (true) {
        if (phase.value == 1 && inside++ == kill_at) {
            killed_inside = true;
            break;
        }
        if (phase.value == 2 || ::ptrace(PTRACE_SINGLESTEP, child, nullptr, nullptr) != 0) {
            break;
        }
        if (::waitpid(child, &status, 0) != child || WIFEXITED(status) || WIFSIGNALED(status)) {
            return false;
        }
    }
    ::kill(child, SIGKILL);
    REQUIRE(::waitpid(child, &status, 0) == child);
    return killed_inside;
}

}  // namespace detail

// `make` builds a world (shared memory and both ends of it) and brings it to the state before the operation;
// `operation` runs in the child; `check` runs in the survivor and returns what is wrong, or nothing.
template <class World>
KillReport kill_at_every_instruction(const std::function<std::unique_ptr<World>()>& make,
                                     const std::function<void(World&)>& operation,
                                     const std::function<std::string(World&)>& check) {
    detail::Phase* phase = detail::shared_phase();
    KillReport report;
    for (bool inside = true; inside; ++report.points) {
        phase->value = 0;
        const std::unique_ptr<World> world = make();
        const pid_t child = ::fork();
        REQUIRE(child >= 0);
        if (child == 0) {
            ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
            ::raise(SIGSTOP);
            phase->value = 1;
            operation(*world);
            phase->value = 2;
            ::_exit(0);
        }
        inside = detail::step_and_kill(child, *phase, report.points);
        if (const std::string wrong = check(*world); !wrong.empty()) {
            ++report.violations;
            if (report.first.empty()) {
                report.first = "killed before instruction " + std::to_string(report.points) + ": " + wrong;
            }
        }
    }
    ::munmap(phase, 4096);
    return report;
}

}  // namespace fettle::test

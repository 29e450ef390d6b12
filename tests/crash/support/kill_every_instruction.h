// Kills a process at every instruction of an operation on shared memory and looks at what a survivor finds.
//
// For k = 0, 1, 2 ... until the operation runs to its end: a fresh world is made, a child runs the operation under
// PTRACE_SINGLESTEP and is killed (SIGKILL) right before its k-th instruction inside it; then the survivor checks. The
// last round is the one in which nobody was killed.
//
// A walk of more points than its limit is sampled: the first and the last 20 points, and some between them drawn by a
// seeded generator. FETTLE_CRASH_FULL=1 in the environment makes every walk complete.
//
// ptrace(2); x86-64 and aarch64. Build without lazy binding (-z now), or every first call adds hundreds of steps.
#pragma once

#include "base/assert.h"
#include "tests/support/random.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <functional>
#include <iomanip>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

namespace fettle::test {

inline constexpr int kComplete = 800;  // limits of a walk, in points
inline constexpr int kSampled = 100;
inline constexpr std::uint32_t kSampleSeed = 20261120;

inline bool complete_walks() {
    return std::getenv("FETTLE_CRASH_FULL") != nullptr;
}

struct KillReport {
    int points = 0;      // instructions of the operation
    int killed = 0;      // of these, how many were the last
    int violations = 0;  // survivors that found something wrong
    std::string first;   // the first of these

    void note(const std::string& where, const std::string& wrong) {
        if (!wrong.empty() && violations++ == 0) {
            first = where + ": " + wrong;
        }
    }
};

// One line of the table of all operations.
inline void print_report(const std::string& operation, const KillReport& report) {
    std::cout << "killed at every instruction | " << std::left << std::setw(66) << operation << " | " << std::right
              << std::setw(6) << report.points << " points | " << std::setw(5) << report.killed << " killed | "
              << std::setw(3) << report.violations << " violations\n";
}

// Memory that parent and children share.
template <class T>
class SharedPage {
  public:
    SharedPage() {
        static_assert(sizeof(T) <= kBytes);
        void* page = ::mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        FETTLE_ASSERT(page != MAP_FAILED, "mmap");
        object_ = new (page) T{};
    }

    SharedPage(const SharedPage&) = delete;
    SharedPage& operator=(const SharedPage&) = delete;

    ~SharedPage() { ::munmap(object_, kBytes); }

    T& operator*() { return *object_; }

    T* operator->() { return object_; }

  private:
    static constexpr std::size_t kBytes = 16384;
    T* object_;
};

// A child process that runs an operation one instruction at a time.
class SteppedChild {
  public:
    // Forks; the child has stopped right before the operation when this returns.
    explicit SteppedChild(const std::function<void()>& operation) {
        child_ = ::fork();
        FETTLE_ASSERT(child_ >= 0, "fork");
        if (child_ == 0) {
            ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
            ::raise(SIGSTOP);
            phase_->value = 1;
            operation();
            phase_->value = 2;
            ::_exit(0);
        }
        int status = 0;
        FETTLE_ASSERT(::waitpid(child_, &status, 0) == child_, "a stopped child can be waited for");
        while (phase_->value == 0 && single_step()) {
        }
    }

    SteppedChild(const SteppedChild&) = delete;
    SteppedChild& operator=(const SteppedChild&) = delete;

    ~SteppedChild() { kill(); }

    // Runs one instruction of the operation; false: it is at its end.
    bool step() { return phase_->value == 1 && single_step() && phase_->value == 1; }

    void kill() {
        if (child_ > 0) {
            ::kill(child_, SIGKILL);
            int status = 0;
            FETTLE_ASSERT(::waitpid(child_, &status, 0) == child_, "a killed child can be waited for");
            child_ = 0;
        }
    }

  private:
    struct Phase {
        volatile int value = 0;  // 0: before the operation, 1: inside, 2: behind it
    };

    bool single_step() {
        int status = 0;
        if (::ptrace(PTRACE_SINGLESTEP, child_, nullptr, nullptr) != 0 || ::waitpid(child_, &status, 0) != child_) {
            return false;
        }
        if (WIFEXITED(status) || WIFSIGNALED(status)) {
            child_ = 0;
            return false;
        }
        return true;
    }

    SharedPage<Phase> phase_;
    pid_t child_ = 0;
};

// Runs the operation in a child that is killed before its instruction number `point`. False: it ended before.
inline bool kill_at(const std::function<void()>& operation, int point) {
    SteppedChild child(operation);
    for (int done = 0; done < point; ++done) {
        if (!child.step()) {
            return false;
        }
    }
    return true;
}

// How many instructions the operation has.
inline int count_instructions(const std::function<void()>& operation) {
    SteppedChild child(operation);
    int count = 1;
    while (child.step()) {
        ++count;
    }
    return count;
}

// The points of an operation of so many instructions at which it is to be killed, in order; the last one is its end.
inline std::vector<int> points_of(int instructions, int limit) {
    std::vector<int> points;
    const bool all = instructions <= limit || complete_walks();
    Random random(kSampleSeed);
    for (int point = 0; point <= instructions; ++point) {
        const bool edge = point < 20 || point + 20 > instructions;
        if (all || edge || random() % static_cast<std::uint32_t>(instructions) < kSampled - 40) {
            points.push_back(point);
        }
    }
    return points;
}

// `make` builds a world (shared memory and both ends of it) and brings it to the state before the operation;
// `operation` runs in the child; `check` runs in the survivor and returns what is wrong, or nothing.
template <class World>
KillReport kill_at_every_instruction(const std::function<std::unique_ptr<World>()>& make,
                                     const std::function<void(World&)>& operation,
                                     const std::function<std::string(World&)>& check, int limit = kComplete) {
    KillReport report;
    {
        const std::unique_ptr<World> world = make();
        report.points = count_instructions([&] { operation(*world); });
    }
    for (const int point : points_of(report.points, limit)) {
        const std::unique_ptr<World> world = make();
        (void)kill_at([&] { operation(*world); }, point);
        report.note("killed before instruction " + std::to_string(point), check(*world));
        ++report.killed;
    }
    return report;
}

}  // namespace fettle::test

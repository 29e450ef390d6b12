// How a process ended, in words.
#pragma once

#include <bitset>
#include <csignal>
#include <cstdint>
#include <optional>
#include <string>

namespace fettle::supervisor {

struct ExitInfo {
    bool signalled = false;
    int code = 0;  // the exit code, or the signal
    bool core_dumped = false;
    bool signal_was_ours = false;  // fettle had sent it
    bool out_of_memory = false;    // SIGKILL that was not ours, and the cgroup's count of such kills had risen
    std::string start_failure;     // it never became the program it should be (spawner.h): why

    using Signals = std::bitset<NSIG>;
    // From waitid(2). `ours`: the signals that fettle has sent to it.
    [[nodiscard]] static ExitInfo from(const siginfo_t& info, const Signals& ours);

    // It ended as it should: by itself with 0, or by a signal of ours.
    [[nodiscard]] bool clean() const { return signalled ? signal_was_ours : code == 0; }

    [[nodiscard]] std::optional<int> exit_code() const { return signalled ? std::nullopt : std::optional(code); }
};

// "exit code 3", "signal 11 (SIGSEGV), core dumped", "signal 9 (SIGKILL), sent by fettle", "signal 9 (SIGKILL),
// probably out of memory".
[[nodiscard]] std::string describe(const ExitInfo& info);

// "SIGSEGV"; "signal 40" for one without a name.
[[nodiscard]] std::string signal_name(int number);

// Counts the kernel's out-of-memory kills in our cgroup: `oom_kill` of memory.events (v2) or memory.oom_control (v1).
class OomCounter {
  public:
    // `file`: empty if there is none; then nothing is ever suspected.
    explicit OomCounter(std::string file);

    // Whether the count has risen since the last call (or the construction). Reads a small file of the kernel's memory.
    [[nodiscard]] bool has_risen();

  private:
    [[nodiscard]] std::optional<std::uint64_t> read() const;
    std::string file_;
    std::uint64_t last_ = 0;
};

}  // namespace fettle::supervisor

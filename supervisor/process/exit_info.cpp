#include "supervisor/process/exit_info.h"

#include <cstring>
#include <fstream>
#include <utility>

namespace fettle::supervisor {

ExitInfo ExitInfo::from(const siginfo_t& info, const Signals& ours) {
    ExitInfo exit;
    exit.signalled = info.si_code != CLD_EXITED;
    exit.code = info.si_status;
    exit.core_dumped = info.si_code == CLD_DUMPED;
    exit.signal_was_ours = exit.signalled && ours.test(static_cast<std::size_t>(info.si_status));
    return exit;
}

std::string signal_name(int number) {
    const char* name = ::sigabbrev_np(number);
    return name != nullptr ? std::string("SIG") + name : "signal " + std::to_string(number);
}

std::string describe(const ExitInfo& info) {
    if (!info.start_failure.empty()) {
        return info.start_failure;
    }
    if (!info.signalled) {
        return "exit code " + std::to_string(info.code);
    }
    std::string text = "signal " + std::to_string(info.code);
    if (::sigabbrev_np(info.code) != nullptr) {
        text += " (" + signal_name(info.code) + ")";
    }
    if (info.core_dumped) {
        text += ", core dumped";
    }
    if (info.signal_was_ours) {
        text += ", sent by fettle";
    } else if (info.out_of_memory) {
        text += ", probably out of memory";
    } else if (info.code == SIGKILL) {
        text += ", not sent by fettle";
    }
    return text;
}

OomCounter::OomCounter(std::string file) : file_(std::move(file)) {
    last_ = read().value_or(0);
}

bool OomCounter::has_risen() {
    const std::optional<std::uint64_t> count = read();
    if (!count || *count == last_) {
        return false;
    }
    return *count > std::exchange(last_, *count);
}

// Lines of "name number" in both versions.
std::optional<std::uint64_t> OomCounter::read() const {
    if (file_.empty()) {
        return std::nullopt;
    }
    std::ifstream lines(file_);
    std::string name;
    std::uint64_t number = 0;
    while (lines >> name >> number) {
        if (name == "oom_kill") {
            return number;
        }
    }
    return std::nullopt;
}

}  // namespace fettle::supervisor

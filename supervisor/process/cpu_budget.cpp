#include "supervisor/process/cpu_budget.h"

#include "config/schema.h"

#include <fmt/core.h>

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <optional>
#include <sstream>

namespace fettle::supervisor {

namespace {

struct Quota {
    double cpus = 0;
    std::string directory;
};

std::optional<double> ratio(const std::string& quota, const std::string& period) {
    const double microseconds = std::strtod(quota.c_str(), nullptr);
    const double of = std::strtod(period.c_str(), nullptr);
    return microseconds > 0 && of > 0 ? std::optional(microseconds / of) : std::nullopt;  // "max" and "-1": no limit
}

std::optional<double> quota_of(const CgroupView& view, CgroupVersion version, const std::string& directory) {
    if (version == CgroupVersion::V1) {
        return ratio(read_line(view, directory + "/cpu.cfs_quota_us").value_or(""),
                     read_line(view, directory + "/cpu.cfs_period_us").value_or(""));
    }
    std::istringstream fields(read_line(view, directory + "/cpu.max").value_or(""));  // "max 100000" or "150000 100000"
    std::string quota;
    std::string period;
    fields >> quota >> period;
    return ratio(quota, period);
}

// A parent's quota binds as well, whatever the child's says.
std::optional<Quota> smallest_quota(const CgroupView& view) {
    std::optional<Quota> smallest;
    for (const CgroupPath& hierarchy : find_cgroups(view, "cpu")) {
        for (const std::string& directory : hierarchy.directories) {
            const std::optional<double> cpus = quota_of(view, hierarchy.version, directory);
            if (cpus && (!smallest || *cpus < smallest->cpus)) {
                smallest = Quota{*cpus, directory};
            }
        }
    }
    return smallest;
}

std::string plural(int cpus) {
    return cpus == 1 ? "1 CPU" : std::to_string(cpus) + " CPUs";
}

}  // namespace

CpuBudget cpu_budget(const CgroupView& view, int affinity) {
    CpuBudget budget{std::max(1, affinity), ""};
    const std::optional<Quota> quota = smallest_quota(view);
    if (!quota) {
        budget.reasoning = fmt::format("{}: affinity allows {}, no cgroup quota", plural(budget.cpus), affinity);
        return budget;
    }
    // A quota that was computed, such as 200001 us per 100000 us, means 2 CPUs and not 3.
    const double rounded = std::clamp(std::ceil(quota->cpus - 1e-4), 1.0, 1e6);
    budget.cpus = std::min(budget.cpus, static_cast<int>(rounded));
    budget.reasoning = fmt::format("{}: affinity allows {}, cgroup quota of {} is {:.4g} -> {:.0f}",
                                   plural(budget.cpus), affinity, quota->directory, quota->cpus, rounded);
    return budget;
}

int balancer_threads(const CpuBudget& budget) {
    constexpr int kCpusPerThread = 4;
    return std::min((budget.cpus + kCpusPerThread - 1) / kCpusPerThread, config::kMaxHttpThreads);
}

int affinity_cpus() {
    for (int cpus = 1024; cpus <= 1 << 20; cpus *= 2) {
        cpu_set_t* set = CPU_ALLOC(static_cast<std::size_t>(cpus));
        const std::size_t bytes = CPU_ALLOC_SIZE(static_cast<std::size_t>(cpus));
        const int status = set == nullptr ? -1 : ::sched_getaffinity(0, bytes, set);
        const int allowed = status == 0 ? CPU_COUNT_S(bytes, set) : 0;
        const bool too_small = status != 0 && errno == EINVAL;  // the kernel knows more CPUs than the set has room for
        CPU_FREE(set);
        if (!too_small) {
            return std::max(1, allowed);
        }
    }
    return 1;
}

}  // namespace fettle::supervisor

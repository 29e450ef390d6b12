// How many CPUs are really ours: the smallest of the affinity mask and of every cgroup quota from our group up to the
// root. What `processes = auto` means; never the number of CPUs of the machine, which in a container says nothing.
#pragma once

#include "supervisor/process/cgroup.h"

#include <string>

namespace fettle::supervisor {

struct CpuBudget {
    int cpus = 1;           // at least 1; a quota is rounded up
    std::string reasoning;  // for the log: "2 CPUs: affinity allows 4, cgroup quota of /sys/fs/cgroup/app is 1.5 -> 2"
};

// `affinity`: how many CPUs the affinity mask allows.
[[nodiscard]] CpuBudget cpu_budget(const CgroupView& view, int affinity);

// What `http.threads = auto` means: one thread of the balancer for every four CPUs, rounded up, as many as there may
// be.
[[nodiscard]] int balancer_threads(const CpuBudget& budget);

// sched_getaffinity(2) of this process.
[[nodiscard]] int affinity_cpus();

}  // namespace fettle::supervisor

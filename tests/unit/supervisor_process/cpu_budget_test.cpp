#include "supervisor/process/cpu_budget.h"

#include "temporary_directory.h"

#include <catch2/catch.hpp>
#include <fmt/core.h>

#include <utility>

using namespace fettle::supervisor;
using fettle::testing::TemporaryDirectory;

namespace {

constexpr const char* kUnifiedMount =
        "22 1 0:20 / /proc rw - proc proc rw\n"
        "30 1 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n";

constexpr const char* kLegacyMounts =
        "31 30 0:27 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
        "32 30 0:28 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n";

CgroupView unified(const TemporaryDirectory& tree, const std::string& path) {
    return {tree.path(), "0::" + path + "\n", kUnifiedMount};
}

}  // namespace

TEST_CASE("without a quota the affinity decides") {
    const TemporaryDirectory tree;
    tree.write("/sys/fs/cgroup/app/cpu.max", "max 100000\n");
    const CpuBudget budget = cpu_budget(unified(tree, "/app"), 4);
    CHECK(budget.cpus == 4);
    CHECK(budget.reasoning == "4 CPUs: affinity allows 4, no cgroup quota");
}

TEST_CASE("a quota of one and a half CPUs means two, and the log says where it comes from") {
    const TemporaryDirectory tree;
    tree.write("/sys/fs/cgroup/app/cpu.max", "150000 100000\n");
    const CpuBudget budget = cpu_budget(unified(tree, "/app"), 4);
    CHECK(budget.cpus == 2);
    CHECK(budget.reasoning == "2 CPUs: affinity allows 4, cgroup quota of /sys/fs/cgroup/app is 1.5 -> 2");
}

TEST_CASE("the smallest quota on the way to the root counts, not the innermost") {
    const TemporaryDirectory tree;
    tree.write("/sys/fs/cgroup/slice/cpu.max", "100000 100000\n");
    tree.write("/sys/fs/cgroup/slice/app/cpu.max", "800000 100000\n");
    tree.write("/sys/fs/cgroup/slice/app/inner/cpu.max", "max 100000\n");
    const CpuBudget budget = cpu_budget(unified(tree, "/slice/app/inner"), 16);
    CHECK(budget.cpus == 1);
    CHECK(budget.reasoning == "1 CPU: affinity allows 16, cgroup quota of /sys/fs/cgroup/slice is 1 -> 1");
}

TEST_CASE("a quota above the affinity changes nothing, and a tiny one still leaves one CPU") {
    const TemporaryDirectory tree;
    tree.write("/sys/fs/cgroup/app/cpu.max", "800000 100000\n");
    CHECK(cpu_budget(unified(tree, "/app"), 2).cpus == 2);
    tree.write("/sys/fs/cgroup/app/cpu.max", "5000 100000\n");
    CHECK(cpu_budget(unified(tree, "/app"), 2).cpus == 1);
}

TEST_CASE("a quota that is a hair above a whole number does not add a CPU") {
    const TemporaryDirectory tree;
    tree.write("/sys/fs/cgroup/app/cpu.max", "200001 100000\n");
    CHECK(cpu_budget(unified(tree, "/app"), 8).cpus == 2);
}

TEST_CASE("version 1 groups are understood, with all their parents") {
    const TemporaryDirectory tree;
    const std::string cpu = "/sys/fs/cgroup/cpu,cpuacct";
    tree.write(cpu + "/docker/cpu.cfs_quota_us", "250000\n");
    tree.write(cpu + "/docker/cpu.cfs_period_us", "100000\n");
    tree.write(cpu + "/docker/abc/cpu.cfs_quota_us", "-1\n");
    tree.write(cpu + "/docker/abc/cpu.cfs_period_us", "100000\n");
    const CgroupView view{tree.path(), "4:memory:/docker/abc\n3:cpu,cpuacct:/docker/abc\n1:name=systemd:/x\n",
                          kLegacyMounts};
    const CpuBudget budget = cpu_budget(view, 8);
    CHECK(budget.cpus == 3);
    CHECK(budget.reasoning ==
          "3 CPUs: affinity allows 8, cgroup quota of /sys/fs/cgroup/cpu,cpuacct/docker is 2.5 -> 3");
}

TEST_CASE("when both versions are mounted the stricter one counts") {
    const TemporaryDirectory tree;
    tree.write("/sys/fs/cgroup/app/cpu.max", "400000 100000\n");
    tree.write("/sys/fs/cgroup/cpu,cpuacct/app/cpu.cfs_quota_us", "200000\n");
    tree.write("/sys/fs/cgroup/cpu,cpuacct/app/cpu.cfs_period_us", "100000\n");
    const CgroupView view{tree.path(), "3:cpu,cpuacct:/app\n0::/app\n", std::string(kUnifiedMount) + kLegacyMounts};
    CHECK(cpu_budget(view, 8).cpus == 2);
}

TEST_CASE("inside a container, where only our own subtree is mounted, its top is ours") {
    const TemporaryDirectory tree;
    tree.write("/sys/fs/cgroup/cpu.max", "300000 100000\n");
    const std::string mounts = "30 1 0:26 /docker/abc /sys/fs/cgroup ro - cgroup2 cgroup rw\n";
    // The host's path although only the subtree is mounted, the container's own path, and one outside of the subtree.
    for (const char* path : {"/docker/abc", "/docker/abc/", "/docker/abcdef", "/../other", "/"}) {
        INFO(path);
        const CgroupView view{tree.path(), std::string("0::") + path + "\n", mounts};
        CHECK(cpu_budget(view, 8).cpus == 3);
    }
}

TEST_CASE("a mount point with a blank in its name is found") {
    const TemporaryDirectory tree;
    tree.write("/sys/my groups/app/cpu.max", "100000 100000\n");
    const CgroupView view{tree.path(), "0::/app\n", "30 1 0:26 / /sys/my\\040groups rw - cgroup2 cgroup2 rw\n"};
    CHECK(cpu_budget(view, 8).cpus == 1);
}

TEST_CASE("nonsense in the files is no quota") {
    const TemporaryDirectory tree;
    for (const char* text : {"", "max", "abc def", "-5 100000", "100000 0", "100000"}) {
        INFO(text);
        tree.write("/sys/fs/cgroup/app/cpu.max", text);
        CHECK(cpu_budget(unified(tree, "/app"), 4).cpus == 4);
    }
    CHECK(cpu_budget({tree.path(), "", ""}, 4).cpus == 4);
    CHECK(cpu_budget({tree.path(), "garbage\n:::\n0:", "1 2 3\n - \n"}, 4).cpus == 4);
}

TEST_CASE("the balancer has a thread for every four CPUs, rounded up, and at most as many as it may have") {
    for (const auto& [cpus, threads] :
         {std::pair(1, 1), {2, 1}, {4, 1}, {5, 2}, {8, 2}, {9, 3}, {256, 64}, {1000, 64}}) {
        CHECK(balancer_threads({cpus, ""}) == threads);
    }
}

TEST_CASE("this process may use at least one CPU") {
    CHECK(affinity_cpus() >= 1);
    const CpuBudget budget = cpu_budget(CgroupView::of_this_process(), affinity_cpus());
    CHECK(budget.cpus >= 1);
    CHECK(budget.cpus <= affinity_cpus());
}

TEST_CASE("the count of out-of-memory kills is found in both versions") {
    const TemporaryDirectory tree;
    tree.write("/sys/fs/cgroup/app/memory.events", "low 0\nhigh 0\nmax 3\noom 2\noom_kill 1\n");
    CHECK(oom_kill_file(unified(tree, "/app")) == tree.path() + "/sys/fs/cgroup/app/memory.events");
    CHECK(oom_kill_file(unified(tree, "/other")).empty());
    tree.write("/sys/fs/cgroup/memory/app/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 7\n");
    const CgroupView legacy{tree.path(), "4:memory:/app\n", kLegacyMounts};
    CHECK(oom_kill_file(legacy) == tree.path() + "/sys/fs/cgroup/memory/app/memory.oom_control");
}

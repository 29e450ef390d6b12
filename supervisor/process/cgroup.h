// Where our control groups are: cgroups(7) versions 1 and 2, also both at once, also inside a container.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fettle::supervisor {

// What the kernel says about this process. `root` is put in front of every path that is read, so that tests can bring a
// tree.
struct CgroupView {
    std::string root;         // empty: the real one
    std::string self_cgroup;  // /proc/self/cgroup
    std::string mountinfo;    // /proc/self/mountinfo

    [[nodiscard]] static CgroupView of_this_process();
};

enum class CgroupVersion { V1, V2 };

// Our group in one hierarchy and all its parents as far as they can be seen, the innermost first; paths without `root`.
struct CgroupPath {
    CgroupVersion version = CgroupVersion::V2;
    std::vector<std::string> directories;
};

// The hierarchies that may limit `controller` ("cpu", "memory"): the unified one, the controller's own of version 1, or
// both.
[[nodiscard]] std::vector<CgroupPath> find_cgroups(const CgroupView& view, std::string_view controller);

// The first line of a file of a group; nullopt if it does not exist there.
[[nodiscard]] std::optional<std::string> read_line(const CgroupView& view, const std::string& path);

// The file whose "oom_kill" line counts out-of-memory kills in our group, with `root`; empty if there is none.
[[nodiscard]] std::string oom_kill_file(const CgroupView& view);

}  // namespace fettle::supervisor

#include "supervisor/process/cgroup.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <sstream>

namespace fettle::supervisor {

namespace {

std::string read_all(const char* path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
}

bool contains_word(std::string_view list, std::string_view word) {
    while (!list.empty()) {
        const std::size_t comma = std::min(list.find(','), list.size());
        if (list.substr(0, comma) == word) {
            return true;
        }
        list.remove_prefix(std::min(comma + 1, list.size()));
    }
    return false;
}

// mountinfo writes blanks, tabs, newlines and backslashes as \ooo.
std::string unescape(std::string_view text) {
    std::string plain;
    for (std::size_t at = 0; at < text.size(); ++at) {
        const auto is_octal = [&](std::size_t index) {
            return index < text.size() && text[index] >= '0' && text[index] <= '7';
        };
        if (text[at] == '\\' && is_octal(at + 1) && is_octal(at + 2) && is_octal(at + 3)) {
            plain += static_cast<char>((text[at + 1] - '0') * 64 + (text[at + 2] - '0') * 8 + (text[at + 3] - '0'));
            at += 3;
        } else {
            plain += text[at];
        }
    }
    return plain;
}

struct Mount {
    std::string root;   // which directory of the hierarchy is mounted
    std::string point;  // where
};

// proc(5): "36 35 98:0 /root /point options [optional fields] - type source super-options".
std::optional<Mount> find_mount(const CgroupView& view, CgroupVersion version, std::string_view controller) {
    std::istringstream lines(view.mountinfo);
    for (std::string line; std::getline(lines, line);) {
        std::istringstream fields(line);
        std::string skipped;
        Mount mount;
        fields >> skipped >> skipped >> skipped >> mount.root >> mount.point;
        while (fields >> skipped && skipped != "-") {
        }
        std::string type;
        std::string source;
        std::string options;
        fields >> type >> source >> options;
        if ((version == CgroupVersion::V2 && type == "cgroup2") ||
            (version == CgroupVersion::V1 && type == "cgroup" && contains_word(options, controller))) {
            return Mount{unescape(mount.root), unescape(mount.point)};
        }
    }
    return std::nullopt;
}

// cgroups(7): "hierarchy:controllers:path"; "0::path" is the unified hierarchy.
std::optional<std::string> find_path(const CgroupView& view, CgroupVersion version, std::string_view controller) {
    std::istringstream lines(view.self_cgroup);
    for (std::string line; std::getline(lines, line);) {
        const std::size_t first = line.find(':');
        const std::size_t second = first == std::string::npos ? first : line.find(':', first + 1);
        if (second == std::string::npos) {
            continue;
        }
        const std::string controllers = line.substr(first + 1, second - first - 1);
        const bool unified = controllers.empty() && line.compare(0, first, "0") == 0;
        if (version == CgroupVersion::V2 ? unified : contains_word(controllers, controller)) {
            return line.substr(second + 1);
        }
    }
    return std::nullopt;
}

// The part of our path below what is mounted. Without a cgroup namespace a container sees the host's path although only
// its own subtree is mounted: then that subtree's top is ours.
std::string below_mount(const std::string& path, const std::string& mount_root) {
    const std::string prefix = mount_root == "/" ? "" : mount_root;
    if (path.compare(0, prefix.size(), prefix) != 0 || (path.size() > prefix.size() && path[prefix.size()] != '/') ||
        path.find("/..") != std::string::npos) {
        return "";
    }
    const std::string rest = path.substr(prefix.size());
    return rest == "/" ? "" : rest;
}

std::optional<CgroupPath> find_hierarchy(const CgroupView& view, CgroupVersion version, std::string_view controller) {
    const std::optional<Mount> mount = find_mount(view, version, controller);
    const std::optional<std::string> path = find_path(view, version, controller);
    if (!mount || !path) {
        return std::nullopt;
    }
    CgroupPath found{version, {}};
    std::string rest = below_mount(*path, mount->root);
    while (!rest.empty()) {
        found.directories.push_back(mount->point + rest);
        rest.resize(rest.rfind('/'));
    }
    found.directories.push_back(mount->point);
    return found;
}

}  // namespace

CgroupView CgroupView::of_this_process() {
    return {"", read_all("/proc/self/cgroup"), read_all("/proc/self/mountinfo")};
}

std::vector<CgroupPath> find_cgroups(const CgroupView& view, std::string_view controller) {
    std::vector<CgroupPath> found;
    for (const CgroupVersion version : {CgroupVersion::V2, CgroupVersion::V1}) {
        if (auto hierarchy = find_hierarchy(view, version, controller)) {
            found.push_back(std::move(*hierarchy));
        }
    }
    return found;
}

std::optional<std::string> read_line(const CgroupView& view, const std::string& path) {
    std::ifstream file(view.root + path);
    std::string line;
    return std::getline(file, line) ? std::optional(line) : std::nullopt;
}

std::string oom_kill_file(const CgroupView& view) {
    for (const CgroupPath& hierarchy : find_cgroups(view, "memory")) {
        const std::string path = hierarchy.directories.front() +
                                 (hierarchy.version == CgroupVersion::V2 ? "/memory.events" : "/memory.oom_control");
        if (read_line(view, path)) {
            return view.root + path;
        }
    }
    return "";
}

}  // namespace fettle::supervisor

#include "supervisor/listeners/socket_owner.h"

#include <fmt/core.h>

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

namespace fettle::supervisor {

namespace {

namespace fs = std::filesystem;

// proc(5) /proc/net/tcp: "sl local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode"; state 0A is
// LISTEN.
void collect_listening_inodes(const char* table, std::uint16_t port, std::set<std::string>& inodes) {
    std::ifstream lines(table);
    std::string line;
    std::getline(lines, line);  // the heading
    while (std::getline(lines, line)) {
        std::istringstream fields(line);
        std::string skipped;
        std::string local;
        std::string state;
        std::string inode;
        fields >> skipped >> local >> skipped >> state >> skipped >> skipped >> skipped >> skipped >> skipped >> inode;
        unsigned int local_port = 0;
        const std::size_t colon = local.rfind(':');
        if (state == "0A" && colon != std::string::npos &&
            std::sscanf(local.c_str() + colon + 1, "%x", &local_port) == 1 && local_port == port) {
            inodes.insert("socket:[" + inode + "]");
        }
    }
}

bool holds_one_of(const fs::path& process, const std::set<std::string>& sockets) {
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(process / "fd", error)) {
        std::error_code unreadable;
        if (sockets.count(fs::read_symlink(entry.path(), unreadable).string()) != 0) {
            return true;
        }
    }
    return false;
}

}  // namespace

std::string find_port_owner(std::uint16_t port) {
    std::set<std::string> sockets;
    collect_listening_inodes("/proc/net/tcp", port, sockets);
    collect_listening_inodes("/proc/net/tcp6", port, sockets);
    if (sockets.empty()) {
        return "";
    }
    std::error_code error;
    for (const auto& entry : fs::directory_iterator("/proc", error)) {
        const std::string pid = entry.path().filename().string();
        const bool is_process = std::all_of(pid.begin(), pid.end(),
                                            [](unsigned char character) { return std::isdigit(character) != 0; });
        if (is_process && holds_one_of(entry.path(), sockets)) {
            std::ifstream file(entry.path() / "comm");
            std::string name;
            std::getline(file, name);
            return fmt::format("process {} ({})", pid, name);
        }
    }
    return "";
}

}  // namespace fettle::supervisor

#include "processes.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

namespace fettle::testing {

namespace {

// Of a process that may end meanwhile: then empty.
std::string read_file(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
}

struct Status {
    char state = '?';
    pid_t parent = 0;
};

Status status_of(pid_t pid) {
    const std::string text = read_file("/proc/" + std::to_string(pid) + "/stat");
    const std::size_t name_end = text.rfind(')');
    Status status;
    if (name_end != std::string::npos) {
        std::istringstream fields(text.substr(name_end + 1));
        fields >> status.state >> status.parent;
    }
    return status;
}

std::vector<pid_t> all_processes() {
    std::vector<pid_t> found;
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
        const std::string name = entry.path().filename().string();
        if (std::all_of(name.begin(), name.end(),
                        [](unsigned char character) { return std::isdigit(character) != 0; })) {
            found.push_back(std::stoi(name));
        }
    }
    return found;
}

}  // namespace

bool wait_until(const std::function<bool()>& condition, std::chrono::milliseconds limit) {
    const auto deadline = std::chrono::steady_clock::now() + limit;
    while (!condition()) {
        if (std::chrono::steady_clock::now() > deadline) {
            return false;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return true;
}

bool is_running(pid_t pid) {
    const char state = status_of(pid).state;
    return state != '?' && state != 'Z' && state != 'X';
}

std::vector<pid_t> children_of(pid_t pid) {
    std::vector<pid_t> found;
    for (const pid_t candidate : all_processes()) {
        if (status_of(candidate).parent == pid) {
            found.push_back(candidate);
        }
    }
    return found;
}

std::vector<pid_t> processes_with(const std::string& mark) {
    std::vector<pid_t> found;
    for (const pid_t candidate : all_processes()) {
        const std::string directory = "/proc/" + std::to_string(candidate);
        const bool marked = read_file(directory + "/environ").find(mark) != std::string::npos ||
                            read_file(directory + "/cmdline").find(mark) != std::string::npos;
        if (marked && is_running(candidate)) {
            found.push_back(candidate);
        }
    }
    return found;
}

}  // namespace fettle::testing

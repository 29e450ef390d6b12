#include "base/process_title.h"

#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

namespace fettle {

namespace {

struct Area {
    char* begin = nullptr;
    std::size_t bytes = 0;
};

// Where the kernel put the argument and environment strings: fields arg_start (48) to env_end (51) of proc(5) stat.
Area find_area() {
    std::ifstream file("/proc/self/stat");
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    const std::size_t name_end = text.rfind(')');   // the name, field 2, may contain blanks
    if (name_end == std::string::npos) {
        return {};
    }
    std::istringstream fields(text.substr(name_end + 1));
    std::string state;
    fields >> state;   // field 3
    std::uintptr_t arguments_start = 0;
    std::uintptr_t environment_end = 0;
    for (int field = 4; field <= 51; ++field) {
        std::string value;
        fields >> value;
        if (field == 48) {
            arguments_start = std::strtoull(value.c_str(), nullptr, 10);
        } else if (field == 51) {
            environment_end = std::strtoull(value.c_str(), nullptr, 10);
        }
    }
    if (arguments_start == 0 || environment_end <= arguments_start) {
        return {};   // hidden by the kernel, or no /proc
    }
    return {reinterpret_cast<char*>(arguments_start), environment_end - arguments_start};
}

// The environment's strings move to memory of our own. Never freed: `environ` is read until the last exit handler has run, which is
// after the destructors of statics.
void move_environment() {
    static auto& strings = *new std::vector<std::string>;
    static auto& pointers = *new std::vector<char*>;
    for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
        strings.emplace_back(*entry);
    }
    for (std::string& entry : strings) {
        pointers.push_back(entry.data());
    }
    pointers.push_back(nullptr);
    environ = pointers.data();
}

}   // namespace

void set_process_title(std::string_view title) {
    const std::string name(title.substr(0, 15));
    ::prctl(PR_SET_NAME, name.c_str());

    static const Area area = [] {
        const Area found = find_area();
        if (found.begin != nullptr) {
            move_environment();
        }
        return found;
    }();
    if (area.bytes < 2) {
        return;
    }
    const std::size_t length = std::min(title.size(), area.bytes - 1);
    std::memcpy(area.begin, title.data(), length);
    std::memset(area.begin + length, 0, area.bytes - length);
}

}   // namespace fettle

#include "supervisor/process/environment.h"

#include <unistd.h>

#include <string_view>

namespace fettle::supervisor {

namespace {

bool starts_with(std::string_view text, std::string_view prefix) {
    return text.substr(0, prefix.size()) == prefix;
}

bool is_for_the_supervisor(std::string_view name) {
    return name == "NOTIFY_SOCKET" || starts_with(name, "WATCHDOG_") || starts_with(name, "LISTEN_");
}

// ld.so(8): the items are separated by blanks or colons.
std::string without_our_libraries(std::string_view preload) {
    std::string kept;
    while (!preload.empty()) {
        const std::size_t end = std::min(preload.find_first_of(" :"), preload.size());
        const std::string_view item = preload.substr(0, end);
        const std::string_view file = item.substr(item.rfind('/') + 1);  // npos + 1 is 0
        if (!item.empty() && !starts_with(file, "libfettle")) {
            kept += (kept.empty() ? "" : ":") + std::string(item);
        }
        preload.remove_prefix(std::min(end + 1, preload.size()));
    }
    return kept;
}

}  // namespace

std::vector<std::string> current_environment() {
    std::vector<std::string> entries;
    for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
        entries.emplace_back(*entry);
    }
    return entries;
}

std::vector<std::string> python_environment(const std::vector<std::string>& inherited,
                                            const std::map<std::string, std::string>& added) {
    std::vector<std::string> entries;
    for (const std::string& entry : inherited) {
        const std::string name = entry.substr(0, entry.find('='));
        if (is_for_the_supervisor(name) || added.count(name) != 0) {
            continue;
        }
        if (name == "LD_PRELOAD") {
            const std::string kept =
                    without_our_libraries(std::string_view(entry).substr(std::min(name.size() + 1, entry.size())));
            if (!kept.empty()) {
                entries.push_back(std::string(name).append("=").append(kept));
            }
            continue;
        }
        entries.push_back(entry);
    }
    for (const auto& [name, value] : added) {
        entries.push_back(std::string(name).append("=").append(value));
    }
    return entries;
}

}  // namespace fettle::supervisor

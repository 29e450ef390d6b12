#include "config/nearest.h"

#include "config/describe.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

namespace fettle::config {

std::size_t edit_distance(std::string_view one, std::string_view other) {
    // Three rows of the dynamic programme are alive: a swap looks back two.
    std::vector<std::size_t> before_last(other.size() + 1);
    std::vector<std::size_t> last(other.size() + 1);
    std::vector<std::size_t> current(other.size() + 1);
    for (std::size_t column = 0; column <= other.size(); ++column) {
        last[column] = column;
    }
    for (std::size_t row = 1; row <= one.size(); ++row) {
        current[0] = row;
        for (std::size_t column = 1; column <= other.size(); ++column) {
            const bool same = one[row - 1] == other[column - 1];
            current[column] = std::min({last[column] + 1, current[column - 1] + 1, last[column - 1] + (same ? 0 : 1)});
            if (row > 1 && column > 1 && one[row - 1] == other[column - 2] && one[row - 2] == other[column - 1]) {
                current[column] = std::min(current[column], before_last[column - 2] + 1);
            }
        }
        std::swap(before_last, last);
        std::swap(last, current);
    }
    return last[other.size()];
}

std::string nearest(std::string_view word, std::span<const std::string> candidates) {
    std::size_t best = std::max<std::size_t>(1, word.size() / 3) + 1;
    std::string found;
    for (const std::string& candidate : candidates) {
        if (const std::size_t distance = edit_distance(word, candidate); distance < best) {
            best = distance;
            found = candidate;
        }
    }
    return found;
}

std::string nearest_setting(std::string_view section, std::string_view key) {
    std::vector<std::string> keys_of_section;
    std::vector<std::string> keys;
    std::vector<std::string> names;
    for (const Setting& setting : settings()) {
        if (setting.key == key) {  // right key in the wrong place
            return setting.name();
        }
        if (setting.section == section) {
            keys_of_section.emplace_back(setting.key);
        }
        keys.emplace_back(setting.key);
        names.push_back(setting.name());
    }
    if (const std::string near = nearest(key, keys_of_section); !near.empty()) {
        return fmt::format("{}.{}", section, near);
    }
    if (const std::string near = nearest(key, keys); !near.empty()) {
        return names[static_cast<std::size_t>(std::find(keys.begin(), keys.end(), near) - keys.begin())];
    }
    return {};
}

std::string nearest_section(std::string_view section) {
    std::vector<std::string> names;
    for (const Section& one : sections()) {
        names.emplace_back(one.name);
    }
    return nearest(section, names);
}

}  // namespace fettle::config

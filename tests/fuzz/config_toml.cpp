// A configuration file and environment variables: the input is TOML, then NUL NAME=VALUE for each variable. Oracles:
// each complaint is one line of text that names its place; a configuration without complaints reaches the balancer as
// it is.
#include "base/assert.h"
#include "base/fd.h"
#include "config/json.h"
#include "config/resolve.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace {

using namespace fettle;

config::Sources split(std::string_view input, int file) {
    const auto end = std::min(input.find('\0'), input.size());
    const std::string_view text = input.substr(0, end);
    FETTLE_ASSERT(::ftruncate(file, 0) == 0 &&
                          ::pwrite(file, text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()),
                  "the memory file takes everything");
    config::Sources sources;
    sources.file = "/proc/self/fd/" + std::to_string(file);
    input.remove_prefix(std::min(end + 1, input.size()));
    while (!input.empty()) {
        const std::string_view variable = input.substr(0, input.find('\0'));
        const auto equals = variable.find('=');
        if (equals != std::string_view::npos) {
            sources.environment.emplace(variable.substr(0, equals), variable.substr(equals + 1));
        }
        input.remove_prefix(std::min(variable.size() + 1, input.size()));
    }
    return sources;
}

bool one_line(std::string_view text) {
    return !text.empty() &&
           std::all_of(text.begin(), text.end(), [](unsigned char c) { return c >= 0x20 && c != 0x7f; });
}

void check_messages(const config::Resolution& resolution) {
    for (const config::Problem& problem : resolution.problems) {
        FETTLE_ASSERT(!problem.what.empty() && one_line(problem.message()), "a problem is not one line of text");
        FETTLE_ASSERT(problem.origin.kind == config::Origin::BuiltIn || !problem.origin.where.empty(),
                      "a problem has no place");
    }
    for (const std::string& warning : resolution.warnings) {
        FETTLE_ASSERT(one_line(warning), "a warning is not one line of text");
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const Fd file(::memfd_create("config.toml", MFD_CLOEXEC));
    const config::Sources sources = split({reinterpret_cast<const char*>(data), size}, file.get());
    const config::Resolution resolution = config::resolve(sources, config::Purpose::Serve);
    check_messages(resolution);
    if (!resolution.problems.empty()) {
        return 0;
    }
    const std::string json = config::to_json(resolution.effective.config);
    const auto received = config::from_json(json);
    FETTLE_ASSERT(received.has_value(), "the balancer refuses a valid configuration");
    FETTLE_ASSERT(config::to_json(*received) == json, "the balancer gets another configuration");
    FETTLE_ASSERT(!config::to_json_with_origins(resolution.effective).empty(), "a valid configuration can be shown");
    return 0;
}

// The configuration as the balancer gets it: the input is read as it is, and as a patch (RFC 7396) of the defaults, so
// that most inputs are nearly right. Oracles: what is accepted is kept as it was given and survives being written and
// read again; what is refused is refused with a reason.
#include "base/assert.h"
#include "config/json.h"

#include <nlohmann/json.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace {

using namespace fettle;
using Json = nlohmann::ordered_json;

void read(std::string_view text) {
    const auto config = config::from_json(text);
    if (!config) {
        FETTLE_ASSERT(!config.error().message().empty(), "a refusal has a reason");
        return;
    }
    const std::string written = config::to_json(*config);
    // As plain JSON, in which the order of keys means nothing and 30 is 30.0.
    FETTLE_ASSERT(nlohmann::json::parse(written) == nlohmann::json::parse(text), "a value was changed by reading it");
    const auto again = config::from_json(written);
    FETTLE_ASSERT(again.has_value(), "what was written is refused");
    FETTLE_ASSERT(config::to_json(*again) == written, "what was written is read differently");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const Json defaults = Json::parse(config::to_json(config::Config{}));
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    read(input);
    const Json patch = Json::parse(input, nullptr, false);
    if (patch.is_object()) {
        Json patched = defaults;
        patched.merge_patch(patch);
        read(patched.dump());
    }
    return 0;
}

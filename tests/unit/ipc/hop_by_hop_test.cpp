#include "ipc/hop_by_hop.h"

#include <catch2/catch.hpp>

#include <random>
#include <string>

using fettle::ipc::is_hop_by_hop;
using fettle::ipc::kHopByHop;

namespace {

bool in_list(const std::string& lower_case) {
    return std::find(kHopByHop.begin(), kHopByHop.end(), lower_case) != kHopByHop.end();
}

}  // namespace

TEST_CASE("hop-by-hop: every name of the list is one, in any case of its letters", "[ipc]") {
    for (const std::string_view name : kHopByHop) {
        CAPTURE(name);
        std::size_t missed = 0;
        // All of them for short names, thousands for long ones.
        const std::uint64_t cases = std::uint64_t{1} << std::min<std::size_t>(name.size(), 12);
        std::mt19937_64 random(name.size());
        for (std::uint64_t each = 0; each < cases; ++each) {
            const std::uint64_t upper = name.size() <= 12 ? each : random();
            std::string spelled(name);
            for (std::size_t at = 0; at < spelled.size(); ++at) {
                if ((upper >> at & 1) != 0 && spelled[at] >= 'a' && spelled[at] <= 'z') {
                    spelled[at] = static_cast<char>(spelled[at] - 'a' + 'A');
                }
            }
            missed += is_hop_by_hop(spelled) ? 0 : 1;
        }
        CHECK(missed == 0);
    }
}

TEST_CASE("hop-by-hop: a name that differs in one character, or in its length, is none", "[ipc]") {
    for (const std::string_view name : kHopByHop) {
        CAPTURE(name);
        for (std::size_t at = 0; at < name.size(); ++at) {
            for (int byte = 0; byte < 256; ++byte) {
                std::string other(name);
                other[at] = static_cast<char>(byte);
                std::string lower = other;
                if (byte >= 'A' && byte <= 'Z') {
                    lower[at] = static_cast<char>(byte - 'A' + 'a');
                }
                if (is_hop_by_hop(other) != in_list(lower)) {
                    FAIL_CHECK("judged wrongly: " << other);
                }
            }
            const std::string shortened = std::string(name.substr(0, at));
            CHECK(is_hop_by_hop(shortened) == in_list(shortened));
        }
        CHECK_FALSE(is_hop_by_hop(std::string(name) + " "));
        CHECK_FALSE(is_hop_by_hop(std::string(name) + std::string(1, '\0')));
    }
}

TEST_CASE("hop-by-hop: names of any length that are not in the list are none", "[ipc]") {
    for (std::size_t length = 0; length <= 100; ++length) {
        CHECK_FALSE(is_hop_by_hop(std::string(length, 'x')));
    }
    // Lengths that differ from one of the list's by what a shift of 64 bits would drop.
    for (const std::string_view name : kHopByHop) {
        CHECK_FALSE(is_hop_by_hop(std::string(name) + std::string(64, 'x')));
    }
    for (const char* name : {"content-length", "content-type", "set-cookie", "connections", "date", "server", "via",
                             "x-te", "keep_alive", "upgrade-insecure-requests", "proxy-status"}) {
        CHECK_FALSE(is_hop_by_hop(name));
    }
}

// The headers that belong to one connection, not to the response: an application must not set them (PEP 3333, "Other
// HTTP Features"; RFC 9110 7.6.1). The worker refuses them, and the balancer does not rely on that.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace fettle::ipc {

inline constexpr std::array<std::string_view, 11> kHopByHop{"connection",
                                                            "keep-alive",
                                                            "proxy-authenticate",
                                                            "proxy-authentication-info",
                                                            "proxy-authorization",
                                                            "proxy-connection",
                                                            "te",
                                                            "trailer",
                                                            "trailers",
                                                            "transfer-encoding",
                                                            "upgrade"};

// `name` in any case.
[[nodiscard]] constexpr bool is_hop_by_hop(std::string_view name) {
    // Most names are ruled out by their length alone.
    constexpr std::uint64_t kLengths = [] {
        std::uint64_t lengths = 0;
        for (const std::string_view hop : kHopByHop) {
            lengths |= std::uint64_t{1} << hop.size();
        }
        return lengths;
    }();
    if (name.size() >= 64 || (kLengths >> name.size() & 1) == 0) {
        return false;
    }
    constexpr auto same = [](char a, char lower_case) {
        return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == lower_case;
    };
    return std::any_of(kHopByHop.begin(), kHopByHop.end(), [&](std::string_view hop) {
        return std::equal(name.begin(), name.end(), hop.begin(), hop.end(), same);
    });
}

}  // namespace fettle::ipc

// The reference that RequestParser is compared with: RFC 9112 read naively over the complete bytes, by cutting them at
// line ends. It refuses nothing for its size and knows no methods; what the parser accepts, it must read in the same
// way.
#pragma once

#include "tests/fuzz/wire.h"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace fettle::fuzz {

// A body in the chunked coding, from its first chunk on.
struct ReferenceBody {
    std::string data;
    std::size_t bytes = 0;  // of the wire
    bool plain = true;      // no extensions, no trailers, sizes of at most 8 digits without leading zeros
};

// nullopt: it is malformed, or does not end within `wire`.
[[nodiscard]] std::optional<ReferenceBody> read_chunked(std::string_view wire);

// Aborts if the parser read one of the messages differently, or accepted one that RFC 9112 forbids.
void compare_with_reference(const Transcript& transcript, std::string_view wire);

}  // namespace fettle::fuzz

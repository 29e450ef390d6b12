// docs/lifecycle.md, generated from the state table of seat.h; a test compares the committed file with it.
#pragma once

#include <string>

namespace fettle::supervisor::core {

[[nodiscard]] std::string lifecycle_markdown();

}  // namespace fettle::supervisor::core

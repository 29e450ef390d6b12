// What a file that is not valid TOML looks like to the person who wrote it. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace fettle::config {

// A sentence about the mistake at `line` and `column` (from 1) of `text`: what stands there and what was expected.
// `detail` is the parser's own description (toml++ 3.3); one that is not known is passed on.
[[nodiscard]] std::string explain_syntax_error(std::string_view text, std::size_t line, std::size_t column,
                                               std::string_view detail);

}  // namespace fettle::config

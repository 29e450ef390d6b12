// The look of --help: two columns, the right one wrapped.
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace CLI {
class FormatterBase;
}

namespace fettle::cli {

[[nodiscard]] std::shared_ptr<CLI::FormatterBase>
make_help_formatter();  // shared_ptr: CLI11 shares it among subcommands

// `name` in the left column, `text` wrapped in the right one; ends with a newline.
[[nodiscard]] std::string help_line(std::string_view name, std::string_view text);

}  // namespace fettle::cli

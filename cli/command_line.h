// The command line as a whole: parsing, --help, --version and usage errors.
#pragma once

#include "cli/command.h"

#include <string>
#include <vector>

namespace fettle::cli {

// Runs `fettle ARGUMENTS...` and returns its exit code. Usage errors are said on `context.err`.
[[nodiscard]] ExitCode run_command_line(const std::vector<std::string>& arguments, const Context& context);

}  // namespace fettle::cli

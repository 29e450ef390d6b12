// Which Python runs, and with which files of ours.
#pragma once

#include "base/result.h"

#include <string>

namespace fettle::supervisor {

// The interpreter: `configured` (python.gil; a path, or a name to be found in PATH), else $VIRTUAL_ENV/bin/python, else
// python3 in PATH. The path is not resolved further, because a virtual environment is recognised by the path of its
// link. An Error says what was looked for, where, and what to do (ExitCode::Interpreter).
[[nodiscard]] Result<std::string> find_interpreter(const std::string& configured);

// ../lib/fettle/python beside the directory of the running executable, in the build tree as in an installation. An
// Error if it holds no fettle/boot.py (ExitCode::Interpreter).
[[nodiscard]] Result<std::string> find_runtime_directory();

// runtime/fettle/boot.py, if it can be read.
[[nodiscard]] Result<std::string> find_boot_file(const std::string& runtime_directory);

}  // namespace fettle::supervisor

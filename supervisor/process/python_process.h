// How Python is started: `PYTHON runtime/fettle/boot.py JSON`, with its control socket as descriptor 3, the log file
// (if there is one) as 4, and nothing else beside standard input (/dev/null), output and error.
#pragma once

#include "base/fd.h"
#include "config/schema.h"
#include "ipc/control.h"
#include "supervisor/process/spawner.h"

#include <string>
#include <vector>

namespace fettle::supervisor {

// What is the same for every Python process of one run.
struct PythonSetup {
    std::string interpreter;
    std::string runtime_directory;
    std::string boot_file;
    std::vector<std::string> environment;
    std::vector<ResourceLimit> limits;  // the ones fettle itself was started with
    const config::Config& config;
    bool multiprocess = true;  // several processes serve the application (wsgi.multiprocess)
    Fd null;                   // /dev/null
    Fd log;                    // log.file, for appending; not open: standard error
};

enum class PythonRole { Zygote, Worker, Check };

// `control`: the child's end of its control socket, to be kept until after the spawn. `who` is used for the role
// Worker.
[[nodiscard]] SpawnRequest python_request(const PythonSetup& setup, PythonRole role, int control,
                                          ipc::WorkerId who = {});

// The JSON object for boot.py, on its own for tests. Bytes that are not UTF-8 pass as they are: paths are bytes, and
// Python decodes its arguments with surrogateescape.
[[nodiscard]] std::string boot_argument(const PythonSetup& setup, PythonRole role, ipc::WorkerId who);

// The setup of this process: finds the interpreter and the runtime. An Error is a matter of ExitCode::Interpreter.
// `config` must outlive the result.
[[nodiscard]] Result<PythonSetup> find_python(const config::Config& config, const std::string& runtime_directory);

}  // namespace fettle::supervisor

// `fettle check`: imports the application in a scratch interpreter (role "check"), exactly as the zygote would, and
// reports.
#pragma once

#include "base/exit_codes.h"
#include "base/result.h"
#include "config/schema.h"
#include "ipc/control.h"

#include <chrono>
#include <cstdint>
#include <string>

namespace fettle::supervisor {

struct CheckReport {
    bool ok = false;
    ExitCode exit_code = ExitCode::Ok;  // Ok, AppLoad, or Interpreter
    ipc::LoadStage stage{};             // when not ok: how far it came
    std::string text;  // when not ok: what happened, with the traceback, and what to do; may have several lines
    std::string interpreter_path;  // /usr/bin/python3
    std::string interpreter;       // "CPython 3.11.2"; empty if it did not come that far
    std::chrono::milliseconds import_time{};
    std::uint32_t tasks =
            1;  // threads left after a trial fork; more than 1: no preload, every worker imports by itself
    std::string thread_names;  // with tasks > 1: their names, one per line
};

// Takes at most timeouts.start plus a moment. An Error is a failure of the operating system (ExitCode::Internal);
// everything the application or the interpreter does wrong is a report with ok = false. Call it before other threads
// exist. The scratch process is gone on return; what the application prints goes to our standard output and error.
[[nodiscard]] Result<CheckReport> check_application(const config::Config& config, const std::string& runtime_directory);

}  // namespace fettle::supervisor

#include "supervisor/process/python_process.h"

#include "base/json_text.h"
#include "supervisor/process/environment.h"
#include "supervisor/process/python_runtime.h"

#include <fmt/format.h>

#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <string>
#include <vector>

namespace fettle::supervisor {

namespace {

constexpr int kControlTarget = 3;
constexpr int kLogTarget = 4;

const char* role_name(PythonRole role) {
    switch (role) {
        case PythonRole::Zygote:
            return "zygote";
        case PythonRole::Worker:
            return "worker";
        case PythonRole::Check:
            return "check";
    }
    return "";
}

std::string json_list(const std::vector<std::string>& texts) {
    std::string json;
    for (const std::string& text : texts) {
        json += (json.empty() ? "[" : ", ") + json_string(text);
    }
    return json + "]";
}

}  // namespace

std::string boot_argument(const PythonSetup& setup, PythonRole role, ipc::WorkerId who) {
    std::string json = fmt::format(
            R"({{"role": "{}", "control_fd": {}, "target": {}, "chdir": {}, "runtime": {}, "supervisor_pid": {}, "graceful_seconds": {})",
            role_name(role), kControlTarget, json_string(setup.config.app.target), json_string(setup.config.app.chdir),
            json_string(setup.runtime_directory), ::getpid(), setup.config.timeouts.graceful.count());
    json += fmt::format(R"(, "multiprocess": {}, "script_name": {})", setup.multiprocess,
                        json_string(setup.config.app.script_name));
    json += fmt::format(R"(, "log_json": {})", setup.config.log.format == config::LogFormat::Json);
    if (setup.log.valid()) {
        json += fmt::format(R"(, "log_fd": {})", kLogTarget);
    }
    if (role == PythonRole::Zygote && !setup.config.app.warmup.empty()) {
        json += fmt::format(R"(, "warmup": {})", json_list(setup.config.app.warmup));
    }
    if (role == PythonRole::Worker) {
        json += fmt::format(R"(, "seat": {}, "incarnation": {})", who.seat, who.incarnation);
    }
    return json + "}";
}

SpawnRequest python_request(const PythonSetup& setup, PythonRole role, int control, ipc::WorkerId who) {
    SpawnRequest request;
    request.executable = setup.interpreter;
    request.arguments = {setup.interpreter, setup.boot_file, boot_argument(setup, role, who)};
    request.environment = setup.environment;
    request.fds = {{setup.null.get(), STDIN_FILENO}, {control, kControlTarget}};
    if (setup.log.valid()) {
        request.fds.push_back({setup.log.get(), kLogTarget});
    }
    request.limits = setup.limits;
    // During the import nobody reads the control socket. A worker sets its own signal once it can finish requests;
    // until then, and for the others always, there is nothing to finish.
    request.parent_death_signal = SIGKILL;
    return request;
}

Result<PythonSetup> find_python(const config::Config& config, const std::string& runtime_directory) {
    FETTLE_TRY(interpreter, find_interpreter(config.python.gil));
    FETTLE_TRY(boot_file, find_boot_file(runtime_directory));
    Fd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    if (!null.valid()) {
        return errno_error("cannot open /dev/null");
    }
    return PythonSetup{.interpreter = interpreter,
                       .runtime_directory = runtime_directory,
                       .boot_file = boot_file,
                       .environment = python_environment(current_environment(), config.app.env),
                       .limits = {},
                       .config = config,
                       .null = std::move(null),
                       .log = {}};
}

}  // namespace fettle::supervisor

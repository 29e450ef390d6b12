// The `fettle` executable: wires the supervisor and the balancer into the command line.
#include "balancer/app.h"
#include "balancer/http/access_log.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/logging/logging.h"
#include "base/process_title.h"
#include "cli/command_line.h"
#include "config/json.h"
#include "supervisor/app.h"
#include "supervisor/check.h"
#include "supervisor/core/lifecycle_doc.h"
#include "supervisor/process/own_process.h"
#include "supervisor/process/python_runtime.h"

#include <unistd.h>

#include <array>
#include <cerrno>
#include <iostream>
#include <memory>
#include <utility>

namespace fettle {
namespace {

log::Level to_level(config::LogLevel level) {
    switch (level) {
        case config::LogLevel::Debug:
            return log::Level::Debug;
        case config::LogLevel::Info:
            return log::Level::Info;
        case config::LogLevel::Warning:
            return log::Level::Warning;
        case config::LogLevel::Error:
            return log::Level::Error;
    }
    return log::Level::Info;
}

// A process that has no log can only say on standard error why.
ExitCode fail(ExitCode exit_code, const Error& error) {
    std::cerr << "fettle: error: " << error.message() << '\n';
    return exit_code;
}

Result<std::unique_ptr<logging::Logging>> start_logging(const config::Config& config, std::string process) {
    return logging::Logging::start({.level = to_level(config.log.level),
                                    .json = config.log.format == config::LogFormat::Json,
                                    .file = config.log.file,
                                    .process = std::move(process)});
}

ExitCode serve(const config::Config& config) {
    supervisor::prepare_own_process();  // first of all: a log file must not become descriptor 1 or 2
    const auto runtime = supervisor::find_runtime_directory();
    if (!runtime) {
        return fail(ExitCode::Interpreter, runtime.error());
    }
    const auto logging = start_logging(config, "supervisor");
    if (!logging) {
        return fail(ExitCode::Configuration, logging.error());
    }
    return supervisor::run({.config = config, .runtime_directory = *runtime});
}

Result<cli::ApplicationCheck> check_application(const config::Config& config) {
    const auto runtime = supervisor::find_runtime_directory();
    if (!runtime) {
        return cli::ApplicationCheck{.exit_code = ExitCode::Interpreter, .trouble = runtime.error().message()};
    }
    FETTLE_TRY(report, supervisor::check_application(config, *runtime));
    return cli::ApplicationCheck{.exit_code = report.exit_code,
                                 .trouble = report.text,
                                 .interpreter = report.interpreter,
                                 .interpreter_path = report.interpreter_path,
                                 .import_time = report.import_time,
                                 .thread_names = report.thread_names};
}

// The supervisor's memory file; read by offset, because the file description is shared with the supervisor.
Result<config::Config> read_configuration(int fd) {
    const Fd file(fd);
    std::string text;
    std::array<char, 16 * 1024> buffer;
    for (;;) {
        const ssize_t count = pread(file.get(), buffer.data(), buffer.size(), static_cast<off_t>(text.size()));
        if (count < 0 && errno != EINTR) {
            return errno_error("cannot read the configuration from the supervisor");
        }
        if (count == 0) {
            return config::from_json(text);
        }
        text.append(buffer.data(), count > 0 ? static_cast<std::size_t>(count) : 0);
    }
}

ExitCode balance(const cli::BalancerRole& role) {
    set_process_title("fettle: balancer");
    auto config = read_configuration(role.config_fd);
    if (!config) {
        return fail(ExitCode::Internal, config.error());
    }
    const auto logging = start_logging(*config, "balancer");
    if (!logging) {
        return fail(ExitCode::Configuration, logging.error());
    }
    log::LineSink* access_log = nullptr;
    if (!config->log.access.empty()) {
        const auto opened = (*logging)->open_access_log(config->log.access);
        if (!opened) {
            return fail(ExitCode::Configuration, opened.error());
        }
        access_log = *opened;
    }
    const int exit_code = balancer::run({.control_fd = role.control_fd,
                                         .listener_fds = role.listener_fds,
                                         .incarnation = role.incarnation,
                                         .config = *std::move(config),
                                         .access_log = access_log});
    return static_cast<ExitCode>(exit_code);
}

Result<void> judge_access_format(std::string_view format) {
    const auto compiled = http::AccessFormat::compile(format);
    return compiled ? Result<void>{} : Result<void>{compiled.error()};
}

Result<void> judge_interpreter(const config::Config& config) {
    FETTLE_TRY(interpreter, supervisor::find_interpreter(config.python.gil));
    (void)interpreter;  // only that it is there
    return {};
}

}  // namespace
}  // namespace fettle

int main(int argc, char** argv) {
    using namespace fettle;
    const config::Environment environment = config::process_environment();
    const cli::Actions actions{.serve = serve,
                               .check_application = check_application,
                               .judge_access_format = judge_access_format,
                               .judge_interpreter = judge_interpreter,
                               .balance = balance,
                               .lifecycle_markdown = supervisor::core::lifecycle_markdown};
    const ExitCode exit_code =
            cli::run_command_line({argv + 1, argv + argc}, {environment, std::cout, std::cerr, actions});
    std::cout.flush();
    if (!std::cout && exit_code == ExitCode::Ok) {
        return static_cast<int>(fail(ExitCode::Internal, Error{"cannot write to standard output"}));
    }
    return static_cast<int>(exit_code);
}

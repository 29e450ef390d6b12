// What every subcommand shares. A subcommand parses its part of the command line and calls an Action; what the actions
// do is wired in main.cpp, so that nothing else here knows the supervisor or the balancer.
#pragma once

#include "base/exit_codes.h"
#include "base/result.h"
#include "config/origin.h"
#include "config/resolve.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <iosfwd>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace fettle::cli {

// What importing the application in a scratch interpreter showed.
struct ApplicationCheck {
    ExitCode exit_code = ExitCode::Ok;  // Ok, AppLoad or Interpreter
    std::string trouble;                // unless Ok: what happened, with the traceback, and what to do
    std::string interpreter;            // "CPython 3.11.2"
    std::string interpreter_path;       // "/usr/bin/python3"
    std::chrono::milliseconds import_time{};
    std::string thread_names;  // of threads the import leaves behind, one per line; empty: none
};

// The arguments of the hidden role `fettle balancer`; the descriptors were inherited.
struct BalancerRole {
    int control_fd = -1;
    int config_fd = -1;
    std::vector<int> listener_fds;
    std::uint32_t incarnation = 0;
};

struct Actions {
    std::function<ExitCode(const config::Config&)> serve;  // returns when the service has ended
    std::function<Result<ApplicationCheck>(const config::Config&)> check_application;
    std::function<Result<void>(std::string_view)> judge_access_format;
    std::function<Result<void>(const config::Config&)> judge_interpreter;  // only whether it is there
    std::function<ExitCode(const BalancerRole&)> balance;
    std::function<std::string()> lifecycle_markdown;
};

// Everything a subcommand gets from the world.
struct Context {
    const config::Environment& environment;
    std::ostream& out;
    std::ostream& err;
    const Actions& actions;
};

class Command {
  public:
    // `app` is this subcommand's part of the command line; it is owned by its parent.
    explicit Command(CLI::App& app);

    Command(const Command&) = delete;
    Command& operator=(const Command&) = delete;
    virtual ~Command() = default;

    // True if the parsed command line names this subcommand.
    [[nodiscard]] bool chosen() const;
    [[nodiscard]] virtual ExitCode run(const Context& context) = 0;

  private:
    CLI::App& app_;
};

}  // namespace fettle::cli

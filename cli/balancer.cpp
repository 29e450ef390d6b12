// `fettle balancer`: the hidden role the supervisor starts by exec; not for people.
#include "cli/commands.h"

#include <CLI/CLI.hpp>

namespace fettle::cli {
namespace {

class Balancer final : public Command {
  public:
    explicit Balancer(CLI::App& app) : Command(app) {
        app.group("");  // not listed in --help
        app.add_option("--control-fd", role_.control_fd)->required();
        app.add_option("--config-fd", role_.config_fd)->required();
        app.add_option("--listener-fds", role_.listener_fds)->required()->delimiter(',')->allow_extra_args(false);
        app.add_option("--incarnation", role_.incarnation)->required();
    }

    ExitCode run(const Context& context) override { return context.actions.balance(role_); }

  private:
    BalancerRole role_;
};

}  // namespace

std::unique_ptr<Command> make_balancer(CLI::App& root) {
    return std::make_unique<Balancer>(
            *root.add_subcommand("balancer", "The balancer process; started by the supervisor."));
}

}  // namespace fettle::cli

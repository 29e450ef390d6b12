// The subcommands. Each adds itself to `root`, which must outlive it.
#pragma once

#include "cli/command.h"

#include <memory>

namespace fettle::cli {

[[nodiscard]] std::unique_ptr<Command> make_run(CLI::App& root);
[[nodiscard]] std::unique_ptr<Command> make_serve(CLI::App& root);
[[nodiscard]] std::unique_ptr<Command> make_check(CLI::App& root);
[[nodiscard]] std::unique_ptr<Command> make_config(CLI::App& root);

// Hidden: a role of the balancer process, and the generator of docs/lifecycle.md.
[[nodiscard]] std::unique_ptr<Command> make_balancer(CLI::App& root);
[[nodiscard]] std::unique_ptr<Command> make_lifecycle(CLI::App& root);

}  // namespace fettle::cli

// `fettle lifecycle`: hidden; prints docs/lifecycle.md from the supervisor's state table.
#include "cli/commands.h"

#include <CLI/CLI.hpp>

#include <ostream>

namespace fettle::cli {
namespace {

class Lifecycle final : public Command {
  public:
    explicit Lifecycle(CLI::App& app) : Command(app) { app.group(""); }

    ExitCode run(const Context& context) override {
        context.out << context.actions.lifecycle_markdown();
        return ExitCode::Ok;
    }
};

}  // namespace

std::unique_ptr<Command> make_lifecycle(CLI::App& root) {
    return std::make_unique<Lifecycle>(*root.add_subcommand("lifecycle", "Print docs/lifecycle.md."));
}

}  // namespace fettle::cli

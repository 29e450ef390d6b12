// `fettle serve -c FILE`: serve as a configuration file says.
#include "cli/commands.h"
#include "cli/configuration_options.h"

#include <CLI/CLI.hpp>

namespace fettle::cli {
namespace {

constexpr const char* kExamples = R"(Example:
  fettle serve -c /etc/shop/fettle.toml

  [app]
  target = "shop.wsgi"
  chdir = "/srv/shop"
  [listen]
  bind = ":8000"

Environment variables (FETTLE_HTTP_MAX_HEADERS for http.max_headers) are stronger than the file.)";

class Serve final : public Command {
  public:
    explicit Serve(CLI::App& app) : Command(app), options_(app, ConfigurationOptions::Accept::File) {
        app.footer(kExamples);
    }

    ExitCode run(const Context& context) override {
        ExitCode exit_code = ExitCode::Ok;
        const auto effective = load_configuration(options_, config::Purpose::Serve, context, exit_code);
        return effective ? context.actions.serve(effective->config) : exit_code;
    }

  private:
    ConfigurationOptions options_;
};

}  // namespace

std::unique_ptr<Command> make_serve(CLI::App& root) {
    return std::make_unique<Serve>(*root.add_subcommand("serve", "Serve as a configuration file says."));
}

}  // namespace fettle::cli

// `fettle run MODULE[:ATTR]`: serve an application.
#include "cli/commands.h"
#include "cli/configuration_options.h"

#include <CLI/CLI.hpp>

#include <ostream>

namespace fettle::cli {
namespace {

constexpr const char* kExamples = R"(Examples:
  fettle run shop.wsgi                                the callable 'application' or 'app' of shop/wsgi.py
  fettle run shop.wsgi:create -w 4 --threads 8        another name; four processes with eight threads each
  fettle run app -b 127.0.0.1:8000 -b unix:/run/shop/http.sock
  fettle run app --chdir /srv/shop --python /srv/shop/venv/bin/python
  PORT=8080 WEB_CONCURRENCY=2 fettle run app          as platforms set them

The working directory (or --chdir) is the first place where MODULE is looked for. SIGTERM and Ctrl-C finish the
running requests and stop; a second one stops at once.)";

class Run final : public Command {
  public:
    explicit Run(CLI::App& app) : Command(app), options_(app, ConfigurationOptions::Accept::Everything) {
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

std::unique_ptr<Command> make_run(CLI::App& root) {
    return std::make_unique<Run>(*root.add_subcommand("run", "Serve an application."));
}

}  // namespace fettle::cli

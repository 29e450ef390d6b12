// `fettle check`: validate the configuration and import the application in a scratch interpreter, without serving.
#include "cli/commands.h"
#include "cli/configuration_options.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <ostream>
#include <string_view>

namespace fettle::cli {
namespace {

constexpr const char* kExamples = R"(Examples:
  fettle check -c /etc/shop/fettle.toml
  fettle check shop.wsgi --chdir /srv/shop

It takes the options of 'fettle run'. Exit codes: 0 all is well, 2 wrong command line, 4 the application cannot be
imported, 6 the interpreter is missing or not supported, 7 the configuration is wrong.)";

// "poller\nmetrics\n" -> "poller, metrics"
std::string listed(std::string_view lines) {
    std::string text;
    while (!lines.empty()) {
        const std::string_view line = lines.substr(0, lines.find('\n'));
        if (!line.empty()) {
            text += fmt::format("{}{}", text.empty() ? "" : ", ", line);
        }
        lines.remove_prefix(std::min(line.size() + 1, lines.size()));
    }
    return text;
}

ExitCode report(const config::Config& config, const ApplicationCheck& check, const Context& context) {
    if (check.exit_code != ExitCode::Ok) {
        context.err << "fettle: error: " << check.trouble << (check.trouble.ends_with('\n') ? "" : "\n");
        return check.exit_code;
    }
    context.out << fmt::format("application    ok   {} imported in {} ms by {} ({})\n", config.app.target,
                               check.import_time.count(), check.interpreter, check.interpreter_path);
    if (config.app.preload && !check.thread_names.empty()) {
        context.out << fmt::format(
                "preload        off  the import leaves threads behind ({}); every worker imports by itself\n",
                listed(check.thread_names));
    }
    return ExitCode::Ok;
}

class Check final : public Command {
  public:
    explicit Check(CLI::App& app) : Command(app), options_(app, ConfigurationOptions::Accept::Everything) {
        app.footer(kExamples);
    }

    ExitCode run(const Context& context) override {
        ExitCode exit_code = ExitCode::Ok;
        const auto effective = load_configuration(options_, config::Purpose::Serve, context, exit_code);
        if (!effective) {
            return exit_code;
        }
        context.out << "configuration  ok   " << (options_.file().empty() ? "no file" : options_.file()) << std::endl;
        const auto check = context.actions.check_application(effective->config);
        if (!check) {
            context.err << "fettle: error: " << check.error().message() << '\n';
            return ExitCode::Internal;
        }
        return report(effective->config, *check, context);
    }

  private:
    ConfigurationOptions options_;
};

}  // namespace

std::unique_ptr<Command> make_check(CLI::App& root) {
    return std::make_unique<Check>(
            *root.add_subcommand("check", "Validate the configuration and import the application."));
}

}  // namespace fettle::cli

// `fettle config`: the effective configuration, and the documents about it.
#include "cli/commands.h"
#include "cli/configuration_options.h"
#include "config/json.h"
#include "config/reference.h"
#include "config/value.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ostream>

namespace fettle::cli {
namespace {

constexpr const char* kExamples = R"(Examples:
  fettle config --show                       the defaults, and what the environment changes
  fettle config --show -c fettle.toml -w 4   what 'fettle run' with these options would use
  fettle config --show --json -c fettle.toml
  fettle config --reference | less
  fettle config --schema > fettle.schema.json)";

using Row = std::array<std::string, 3>;

void print_table(const std::vector<Row>& rows, std::ostream& out) {
    std::array<std::size_t, 2> widths{};
    for (const Row& row : rows) {
        for (std::size_t column = 0; column < widths.size(); ++column) {
            widths[column] = std::max(widths[column], row[column].size());
        }
    }
    for (const Row& row : rows) {
        out << fmt::format("{:<{}}  {:<{}}  {}\n", row[0], widths[0], row[1], widths[1], row[2]);
    }
}

void show(const config::Effective& effective, std::ostream& out) {
    std::vector<Row> rows{{"SETTING", "VALUE", "ORIGIN"}};
    for (const config::Setting& setting : config::settings()) {
        rows.push_back({setting.name(), config::to_toml(setting, setting.get(effective.config)),
                        config::to_string(effective.origin_of(setting.name()))});
    }
    print_table(rows, out);
}

class ConfigCommand final : public Command {
  public:
    explicit ConfigCommand(CLI::App& app) : Command(app), options_(app, ConfigurationOptions::Accept::Everything) {
        CLI::Option* show_flag = app.add_flag("--show", show_, "Print the effective values and where they come from.");
        app.add_flag("--json", json_, "With --show: as JSON.")->needs(show_flag);
        CLI::Option* reference =
                app.add_flag("--reference", reference_, "Print the reference of all settings (Markdown).");
        CLI::Option* schema = app.add_flag("--schema", schema_, "Print the JSON Schema of the configuration file.");
        show_flag->excludes(reference)->excludes(schema);
        reference->excludes(schema);
        app.footer(kExamples);
    }

    ExitCode run(const Context& context) override {
        if (reference_) {
            context.out << config::reference_markdown();
            return ExitCode::Ok;
        }
        if (schema_) {
            context.out << config::json_schema();
            return ExitCode::Ok;
        }
        if (!show_) {
            context.err << "fettle: error: one of --show, --reference and --schema is needed\n"
                        << "fettle: hint: 'fettle config --help' lists what is possible\n";
            return ExitCode::Usage;
        }
        ExitCode exit_code = ExitCode::Ok;
        const auto effective = load_configuration(options_, config::Purpose::Show, context, exit_code);
        if (!effective) {
            return exit_code;
        }
        if (json_) {
            context.out << config::to_json_with_origins(*effective) << '\n';
        } else {
            show(*effective, context.out);
        }
        return ExitCode::Ok;
    }

  private:
    ConfigurationOptions options_;
    bool show_ = false;
    bool json_ = false;
    bool reference_ = false;
    bool schema_ = false;
};

}  // namespace

std::unique_ptr<Command> make_config(CLI::App& root) {
    return std::make_unique<ConfigCommand>(
            *root.add_subcommand("config", "Print the effective configuration or its reference."));
}

}  // namespace fettle::cli

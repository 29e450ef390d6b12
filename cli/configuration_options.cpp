#include "cli/configuration_options.h"

#include "config/describe.h"
#include "config/preflight.h"
#include "config/value.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <ostream>
#include <utility>

namespace fettle::cli {
namespace {

constexpr std::string_view kTarget = "app.target";

// One sentence without Markdown, and the default.
std::string help_text(const config::Setting& setting) {
    std::string text(setting.flag.help);
    if (text.empty()) {
        const std::string_view documentation = setting.documentation;
        text = documentation.substr(0, documentation.find(". "));
        if (text.back() != '.') {
            text += '.';
        }
    }
    text.erase(std::remove(text.begin(), text.end(), '`'), text.end());
    const config::Value built_in = setting.get(config::Config{});
    const bool worth_saying = !std::holds_alternative<bool>(built_in) && built_in != config::Value{std::string()} &&
                              built_in != config::Value{std::int64_t{0}};
    return worth_saying ? fmt::format("{} Default: {}", text, config::to_toml(setting, built_in)) : text;
}

ExitCode say_problems(const config::Problems& problems, const Context& context) {
    for (const config::Problem& problem : problems) {
        context.err << "fettle: error: " << problem.message() << '\n';
    }
    const bool usage = std::all_of(problems.begin(), problems.end(), [](const config::Problem& problem) {
        return problem.origin.kind == config::Origin::CommandLine;
    });
    context.err << (usage ? "fettle: hint: 'fettle run --help' lists the options"
                          : "fettle: hint: 'fettle config --reference' describes every setting")
                << '\n';
    return usage ? ExitCode::Usage : ExitCode::Configuration;
}

}  // namespace

ConfigurationOptions::ConfigurationOptions(CLI::App& app, Accept accept) {
    CLI::Option* file = app.add_option("-c,--config", file_, "Configuration file (TOML).");
    file->option_text("FILE")->required(accept == Accept::File);
    if (accept == Accept::File) {
        return;
    }
    for (const config::Setting& setting : config::settings()) {
        if (setting.name() == kTarget) {
            Given& target = given_.emplace_back(Given{&setting, {}});
            app.add_option("target", target.values, help_text(setting))
                    ->option_text(std::string(setting.flag.placeholder))
                    ->expected(1);
        } else if (!setting.flag.name.empty()) {
            add_flag(app, setting);
        }
    }
}

void ConfigurationOptions::add_flag(CLI::App& app, const config::Setting& setting) {
    Given& given = given_.emplace_back(Given{&setting, {}});
    const config::CommandLineFlag& flag = setting.flag;
    if (std::holds_alternative<config::FlagKind>(setting.kind)) {
        app.add_flag(std::string(flag.name), given.cleared, help_text(setting));
        return;
    }
    const std::string names =
            flag.short_name.empty() ? std::string(flag.name) : fmt::format("{},{}", flag.short_name, flag.name);
    const bool list = std::holds_alternative<config::TextListKind>(setting.kind);
    app.add_option(names, given.values, help_text(setting))
            ->option_text(std::string(flag.placeholder))
            ->allow_extra_args(false)  // "--bind :80 shop.wsgi" takes one address; it is repeated for more
            ->multi_option_policy(list ? CLI::MultiOptionPolicy::TakeAll : CLI::MultiOptionPolicy::TakeLast);
}

config::Sources ConfigurationOptions::sources(const config::Environment& environment) const {
    config::Sources sources{.file = file_, .environment = environment, .command_line = {}};
    for (const Given& given : given_) {
        const config::CommandLineFlag& flag = given.setting->flag;
        if (given.cleared) {
            sources.command_line.push_back({given.setting, std::string(flag.name), {"false"}});
        } else if (!given.values.empty()) {
            sources.command_line.push_back(
                    {given.setting, std::string(flag.name.empty() ? flag.placeholder : flag.name), given.values});
        }
    }
    return sources;
}

std::optional<config::Effective> load_configuration(const ConfigurationOptions& options, config::Purpose purpose,
                                                    const Context& context, ExitCode& exit_code) {
    config::Resolution resolution = config::resolve(options.sources(context.environment), purpose);
    for (const std::string& warning : resolution.warnings) {
        context.err << "fettle: warning: " << warning << '\n';
    }
    if (purpose == config::Purpose::Serve && resolution.problems.empty()) {
        config::preflight(resolution.effective, resolution.problems);
    }
    if (!resolution.problems.empty()) {
        exit_code = say_problems(resolution.problems, context);
        return std::nullopt;
    }
    return std::move(resolution.effective);
}

}  // namespace fettle::cli

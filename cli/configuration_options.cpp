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

// A default as it would be typed; empty if it goes without saying.
std::string plain(const config::Value& value) {
    if (const auto* list = std::get_if<config::TextList>(&value)) {
        return fmt::format("{}", fmt::join(*list, " "));
    }
    if (const auto* number = std::get_if<std::int64_t>(&value); number != nullptr && *number != 0) {
        return fmt::to_string(*number);
    }
    const auto* text = std::get_if<std::string>(&value);
    return text == nullptr ? std::string() : *text;
}

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
    const std::string built_in = plain(setting.get(config::Config{}));
    return built_in.empty() ? text : fmt::format("{} Default: {}", text, built_in);
}

// Of the command line, or what only a missing argument of the command line explains.
bool is_usage(const config::Problem& problem, bool file_given) {
    return problem.origin.kind == config::Origin::CommandLine ||
           (!file_given && problem.origin.kind == config::Origin::BuiltIn && problem.setting == kTarget);
}

ExitCode code_of(const config::Problem& problem, bool file_given) {
    const bool form = problem.exit_code == ExitCode::Configuration;  // and not the machine
    return form && is_usage(problem, file_given) ? ExitCode::Usage : problem.exit_code;
}

// The exit code of all the problems if they share one, else Configuration.
ExitCode say_problems(const config::Problems& problems, bool file_given, const Context& context) {
    ExitCode exit_code = code_of(problems.front(), file_given);
    for (const config::Problem& problem : problems) {
        context.err << "fettle: error: " << problem.message() << '\n';
        if (code_of(problem, file_given) != exit_code) {
            exit_code = ExitCode::Configuration;
        }
    }
    if (exit_code == ExitCode::Usage) {
        context.err << "fettle: hint: 'fettle run --help' lists the options\n";
    } else if (exit_code == ExitCode::Configuration) {
        context.err << "fettle: hint: 'fettle config --reference' describes every setting\n";
    }
    return exit_code;
}

// The balancer compiles the format; asking it now turns a broken one into an answer instead of a balancer that cannot
// start.
void judge_access_format(const config::Effective& effective, const Context& context, config::Problems& problems) {
    constexpr std::string_view kSetting = "log.access_format";
    if (config::is_refused(problems, kSetting)) {
        return;
    }
    if (const auto judged = context.actions.judge_access_format(effective.config.log.access_format); !judged) {
        problems.push_back({effective.origin_of(kSetting), std::string(kSetting),
                            fmt::format("{}: {}", kSetting, judged.error().message())});
    }
}

void judge_interpreter(const config::Effective& effective, const Context& context, config::Problems& problems) {
    constexpr std::string_view kSetting = "python.gil";
    if (config::is_refused(problems, kSetting)) {
        return;
    }
    if (const auto judged = context.actions.judge_interpreter(effective.config); !judged) {
        problems.push_back({effective.origin_of(kSetting), std::string(kSetting), judged.error().message(),
                            ExitCode::Interpreter});
    }
}

}  // namespace

ConfigurationOptions::ConfigurationOptions(CLI::App& app, Accept accept) {
    CLI::Option* file = app.add_option("-c,--config", file_, "Configuration file (TOML).");
    file->type_name("FILE")->required(accept == Accept::File);
    if (accept == Accept::File) {
        return;
    }
    for (const config::Setting& setting : config::settings()) {
        if (setting.name() == kTarget) {
            Given& target = given_.emplace_back(Given{&setting, {}});
            app.add_option("target", target.values, help_text(setting))
                    ->type_name(std::string(setting.flag.placeholder))
                    ->allow_extra_args(false);
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
            ->type_name(std::string(flag.placeholder))
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
    if (purpose == config::Purpose::Serve) {
        config::preflight(resolution.effective, resolution.problems);
        judge_access_format(resolution.effective, context, resolution.problems);
        judge_interpreter(resolution.effective, context, resolution.problems);
    }
    if (!resolution.problems.empty()) {
        exit_code = say_problems(resolution.problems, !options.file().empty(), context);
        return std::nullopt;
    }
    return std::move(resolution.effective);
}

}  // namespace fettle::cli

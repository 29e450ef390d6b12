#include "cli/command_line.h"

#include "cli/commands.h"
#include "cli/help.h"
#include "config/nearest.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <ostream>

namespace fettle::cli {
namespace {

constexpr const char* kExamples = R"(Examples:
  fettle run shop.wsgi                       serve on http://127.0.0.1:8000
  fettle run shop.wsgi:app -b :80 -w 4       every address, four worker processes
  fettle serve -c /etc/shop/fettle.toml      as a configuration file says
  fettle check -c /etc/shop/fettle.toml      what is wrong with it?

Every setting: fettle config --reference)";

ExitCode usage_error(const Context& context, const std::string& what, const std::string& help_of) {
    context.err << "fettle: error: " << what << "\nfettle: hint: '" << help_of << " --help' lists what is possible\n";
    return ExitCode::Usage;
}

std::vector<std::string> visible_commands(const CLI::App& root) {
    std::vector<std::string> names;
    for (const CLI::App* command : root.get_subcommands({})) {
        if (!command->get_group().empty()) {
            names.push_back(command->get_name());
        }
    }
    return names;
}

// CLI11 would say "A subcommand is required" for a mistyped one.
bool is_unknown_command(const CLI::App& root, const std::string& word) {
    const auto commands = root.get_subcommands({});
    return word.empty() ||
           (word.front() != '-' && std::none_of(commands.begin(), commands.end(),
                                                [&](const CLI::App* one) { return one->get_name() == word; }));
}

ExitCode unknown_command(const Context& context, const CLI::App& root, const std::string& word) {
    const std::string near = config::nearest(word, visible_commands(root));
    return usage_error(
            context,
            fmt::format("unknown command '{}'{}", word, near.empty() ? "" : fmt::format("; did you mean '{}'?", near)),
            "fettle");
}

std::vector<std::string> long_options(const CLI::App& command) {
    std::vector<std::string> names;
    for (const CLI::Option* option : command.get_options()) {
        for (const std::string& name : option->get_lnames()) {
            names.push_back("--" + name);
        }
    }
    return names;
}

// What the command line says about an argument that `command` does not know. CLI11 would list all that follow, too.
std::string unexpected(const CLI::App& command) {
    const std::vector<std::string> rest = command.remaining();
    const auto option =
            std::find_if(rest.begin(), rest.end(), [](const std::string& word) { return word.substr(0, 1) == "-"; });
    if (option == rest.end()) {
        return fmt::format("unexpected argument '{}'", rest.front());
    }
    const std::string name = option->substr(0, option->find('='));
    const std::string near = config::nearest(name, long_options(command));
    return fmt::format("unknown option '{}'{}", name, near.empty() ? "" : fmt::format("; did you mean '{}'?", near));
}

}  // namespace

Command::Command(CLI::App& app) : app_(app) {
    app_.group("Commands");
}

bool Command::chosen() const {
    return app_.parsed();
}

ExitCode run_command_line(const std::vector<std::string>& arguments, const Context& context) {
    CLI::App root("fettle runs Python web applications.", "fettle");
    root.formatter(make_help_formatter());
    root.set_help_flag("-h,--help", "Print this help.");
    root.set_version_flag("--version", "fettle " FETTLE_VERSION, "Print the version.");
    root.footer(kExamples);
    root.require_subcommand(1);
    std::vector<std::unique_ptr<Command>> commands;
    for (const auto& make : {make_run, make_serve, make_check, make_config, make_balancer, make_lifecycle}) {
        commands.push_back(make(root));
    }
    if (arguments.empty()) {
        return usage_error(context, "a command is missing", "fettle");
    }
    if (is_unknown_command(root, arguments.front())) {
        return unknown_command(context, root, arguments.front());
    }
    try {
        root.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));  // CLI11 takes them last first
    } catch (const CLI::CallForVersion& version) {
        context.out << version.what() << '\n';
        return ExitCode::Ok;
    } catch (const CLI::CallForHelp&) {
        const auto parsed = root.get_subcommands();
        context.out << (parsed.empty() ? root.help() : parsed.front()->help(root.get_name()));
        return ExitCode::Ok;
    } catch (const CLI::ParseError& error) {
        const auto parsed = root.get_subcommands();
        if (parsed.empty()) {
            return usage_error(context, fmt::format("a command is expected in place of '{}'", arguments.front()),
                               "fettle");
        }
        const CLI::App& command = *parsed.front();
        const bool extras = dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr && command.remaining_size() > 0;
        return usage_error(context, extras ? unexpected(command) : error.what(), "fettle " + command.get_name());
    }
    const auto chosen =
            std::find_if(commands.begin(), commands.end(), [](const auto& command) { return command->chosen(); });
    return (*chosen)->run(context);
}

}  // namespace fettle::cli

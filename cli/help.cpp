#include "cli/help.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace fettle::cli {
namespace {

constexpr std::size_t kLeftColumn = 30;
constexpr std::size_t kRightColumn = 68;

class HelpFormatter final : public CLI::Formatter {
  public:
    std::string make_description(const CLI::App* app) const override { return app->get_description() + "\n\n"; }

    std::string make_option(const CLI::Option* option, bool is_positional) const override {
        const bool flag = option->get_type_size() == 0;
        const std::string argument = is_positional || flag ? "" : " " + option->get_type_name();
        return help_line(make_option_name(option, is_positional) + argument, option->get_description());
    }

    std::string make_option_name(const CLI::Option* option, bool is_positional) const override {
        if (is_positional) {
            return option->get_type_name();
        }
        std::string name = option->get_name(false, true);  // "-b,--bind"
        if (const auto comma = name.find(','); comma != name.npos) {
            name.insert(comma + 1, " ");
        } else if (name.substr(0, 2) == "--") {
            name.insert(0, "    ");
        }
        return name;
    }

    std::string make_option_usage(const CLI::Option* positional) const override {
        return '[' + make_option_name(positional, true) + ']';
    }

    std::string make_subcommand(const CLI::App* command) const override {
        return help_line(command->get_name(), command->get_description());
    }
};

}  // namespace

std::shared_ptr<CLI::FormatterBase> make_help_formatter() {
    auto formatter = std::make_shared<HelpFormatter>();
    formatter->label("SUBCOMMAND", "COMMAND");
    formatter->label("Positionals", "Argument");
    return formatter;
}

std::string help_line(std::string_view name, std::string_view text) {
    std::string out = fmt::format("  {:<{}}", name, kLeftColumn - 2);
    if (name.size() + 3 > kLeftColumn) {
        out += '\n' + std::string(kLeftColumn, ' ');
    }
    while (text.size() > kRightColumn) {
        const auto space = text.rfind(' ', kRightColumn);
        if (space == text.npos) {
            break;
        }
        out += fmt::format("{}\n{:{}}", text.substr(0, space), "", kLeftColumn);
        text.remove_prefix(space + 1);
    }
    return out + std::string(text) + '\n';
}

}  // namespace fettle::cli

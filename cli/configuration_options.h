// The options that make up a configuration: -c FILE, the target, and a flag for every setting that has one. Made from
// the table in config/describe.h.
#pragma once

#include "cli/command.h"

#include <list>
#include <optional>
#include <string>
#include <vector>

namespace fettle::cli {

class ConfigurationOptions {
  public:
    enum class Accept {
        Everything,  // the target, -c FILE and the flags
        File,        // -c FILE, which is required
    };

    // `app` keeps references to this object.
    ConfigurationOptions(CLI::App& app, Accept accept);
    ConfigurationOptions(const ConfigurationOptions&) = delete;
    ConfigurationOptions& operator=(const ConfigurationOptions&) = delete;
    ~ConfigurationOptions() = default;

    [[nodiscard]] config::Sources sources(const config::Environment& environment) const;

    [[nodiscard]] const std::string& file() const { return file_; }

  private:
    struct Given {
        const config::Setting* setting = nullptr;
        std::vector<std::string> values;  // as typed; empty: not given
        bool cleared = false;             // of a flag like --no-preload
    };

    void add_flag(CLI::App& app, const config::Setting& setting);

    std::string file_;
    std::list<Given> given_;  // a list: CLI11 keeps references to the elements
};

// The valid configuration; nullopt after the problems were said on `context.err`, with `exit_code` set: Usage if the
// command line alone is wrong, Interpreter or Bind if only the interpreter or the directories of Unix sockets are not
// there, else Configuration. Warnings are said, too.
[[nodiscard]] std::optional<config::Effective> load_configuration(const ConfigurationOptions& options,
                                                                  config::Purpose purpose, const Context& context,
                                                                  ExitCode& exit_code);

}  // namespace fettle::cli

#include "config/reference.h"

#include "config/describe.h"
#include "config/value.h"

#include <fmt/format.h>

#include <string_view>

namespace fettle::config {
namespace {

constexpr std::string_view kTargetExample = "\"shop.wsgi\"";

constexpr std::string_view kIntroduction = R"(# Configuration

<!-- Generated from config/describe.cpp by scripts/generate-docs. Do not edit. -->

fettle needs one thing: the application. Everything else has a default.

```toml
[app]
target = "shop.wsgi"

[listen]
bind = "0.0.0.0:8000"
```

`fettle serve -c shop.toml` serves this file; `fettle run shop.wsgi --bind 0.0.0.0:8000` does the same without one.

## Where values come from

From weak to strong:

1. the built-in defaults,
2. the TOML file given with `-c FILE`,
3. environment variables: `FETTLE_` and the setting's name in capitals, `FETTLE_HTTP_MAX_HEADERS` for `http.max_headers`; also `PORT` and
   `WEB_CONCURRENCY`, as platforms set them, which are weaker than fettle's own variables,
4. options on the command line.

`fettle config --show` prints the effective value of every setting and where it came from. `fettle check` finds all that is wrong and
imports the application, without serving.

The file is read strictly: an unknown section or key, a value of the wrong type or out of range is an error with file, line and column,
and all errors are reported in one run (exit code 7). An environment variable that is empty counts as not set, unless the setting may be
empty. Text is UTF-8.

## How values are written

| what | in the file | in the environment and on the command line |
| --- | --- | --- |
| true or false | `true`, `false` | `true`, `yes`, `on`, `1`, `false`, `no`, `off`, `0` |
| duration | a number of seconds (`30`, `0.5`), or a text with a unit (`"500ms"`, `"30s"`, `"5m"`, `"1h"`) | `30`, `0.5`, `500ms`, `30s`, `5m`, `1h` |
| size | a number of bytes (`65536`), or a text with a unit (`"64KB"`, `"1MB"`, `"2GB"`; 1 KB is 1024 bytes) | `65536`, `64KB`, `1MB`, `2GB` |
| list | an array of texts, or one text | environment: separated by commas; command line: the option is repeated |

## Settings
)";

std::string environment_text(const Setting& setting) {
    std::string text = setting.environment().empty() ? std::string() : fmt::format("`{}`", setting.environment());
    if (!setting.foreign.name.empty()) {
        text += fmt::format(", `{}`", setting.foreign.name);
    }
    return text;
}

std::string flag_text(const Setting& setting) {
    const CommandLineFlag& flag = setting.flag;
    if (flag.name.empty()) {
        return flag.placeholder.empty() ? std::string()
                                        : fmt::format("`{}` (the argument of `fettle run`)", flag.placeholder);
    }
    const std::string argument = flag.placeholder.empty() ? std::string() : fmt::format(" {}", flag.placeholder);
    const std::string with_short =
            flag.short_name.empty() ? std::string() : fmt::format("`{}{}`, ", flag.short_name, argument);
    return fmt::format("{}`{}{}`", with_short, flag.name, argument);
}

std::string type_text(const Setting& setting) {
    std::string text = expectation(setting);
    const std::string_view how_to_write = ", as a number of seconds";  // explained once, above
    if (const auto cut = text.find(how_to_write); cut != text.npos) {
        text.erase(cut);
    }
    return text;
}

std::string default_text(const Setting& setting) {
    if (setting.name() == "app.target") {
        return "none; required";
    }
    return fmt::format("`{}`", to_toml(setting, setting.get(Config{})));
}

std::string setting_markdown(const Setting& setting) {
    std::string text = fmt::format("\n#### `{}`\n\n{}\n\n- Type: {}\n- Default: {}\n", setting.name(),
                                   setting.documentation, type_text(setting), default_text(setting));
    if (const std::string environment = environment_text(setting); !environment.empty()) {
        text += fmt::format("- Environment: {}\n", environment);
    }
    if (const std::string flag = flag_text(setting); !flag.empty()) {
        text += fmt::format("- Command line: {}\n", flag);
    }
    return text;
}

}  // namespace

std::string reference_markdown() {
    std::string text(kIntroduction);
    for (const Section& section : sections()) {
        text += fmt::format("\n### [{}]\n\n{}\n", section.name, section.documentation);
        for (const Setting& setting : settings()) {
            if (setting.section == section.name) {
                text += setting_markdown(setting);
            }
        }
    }
    text += "\n## A complete example\n\nEvery setting, at its default.\n\n```toml\n";
    return text + complete_example() + "```\n";
}

std::string complete_example() {
    std::string text;
    for (const Section& section : sections()) {
        text += fmt::format("{}[{}]\n", text.empty() ? "" : "\n", section.name);
        for (const Setting& setting : settings()) {
            if (setting.section == section.name) {
                const bool target = setting.name() == "app.target";
                text += fmt::format("{} = {}\n", setting.key,
                                    target ? std::string(kTargetExample) : to_toml(setting, setting.get(Config{})));
            }
        }
    }
    return text;
}

}  // namespace fettle::config

// From all sources to the effective configuration: built-in < file < environment < command line.
#pragma once

#include "config/origin.h"
#include "config/validate.h"

#include <map>
#include <string>
#include <vector>

namespace fettle::config {

using Environment = std::map<std::string, std::string, std::less<>>;

// A value from the command line, as typed.
struct Override {
    const Setting* setting = nullptr;
    std::string flag;                 // as typed: "--bind"
    std::vector<std::string> values;  // more than one for a list only
};

struct Sources {
    std::string file;  // empty: none
    Environment environment;
    std::vector<Override> command_line;
};

struct Resolution {
    Effective effective;
    Problems problems;                  // empty: `effective` is valid
    std::vector<std::string> warnings;  // variables that look like mistyped settings
};

[[nodiscard]] Resolution resolve(const Sources& sources, Purpose purpose);

// The variables of this process.
[[nodiscard]] Environment process_environment();

}  // namespace fettle::config

// Strict loading of the TOML file. What it does not know or cannot take is a problem with file, line and column; it
// never guesses.
#pragma once

#include "config/origin.h"

#include <string>

namespace fettle::config {

enum class FileOutcome {
    Walked,    // every key was looked at; there may be problems
    Unusable,  // missing, unreadable or not TOML: nothing is known about its values
};

// Puts the values of the file over those in `effective` and appends what is wrong to `problems`, in the order of the
// file.
[[nodiscard]] FileOutcome load_file(const std::string& path, Effective& effective, Problems& problems);

}  // namespace fettle::config

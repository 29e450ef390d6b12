// The documents generated from the table of settings. The committed copies are docs/configuration.md and
// docs/configuration.schema.json; a test compares them.
#pragma once

#include <string>

namespace fettle::config {

// The reference of all settings, Markdown.
[[nodiscard]] std::string reference_markdown();

// A TOML file with every setting at its default (and an example of a target).
[[nodiscard]] std::string complete_example();

// A JSON Schema (draft 2020-12) of the TOML file, for editors.
[[nodiscard]] std::string json_schema();

}  // namespace fettle::config

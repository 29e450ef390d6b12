// "Did you mean": the candidate a mistyped word is nearest to.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace fettle::config {

// Insertions, deletions, replacements and swaps of neighbours that turn one word into the other (optimal string
// alignment).
[[nodiscard]] std::size_t edit_distance(std::string_view one, std::string_view other);

// The nearest candidate within a third of the word's length (at least 1); empty if none is that near. The first of
// equals wins.
[[nodiscard]] std::string nearest(std::string_view word, std::span<const std::string> candidates);

// The setting somebody meant by `key` in `section`, as "section.key"; empty if none comes to mind. `section` may itself
// be mistyped, or empty for a key outside of any section.
[[nodiscard]] std::string nearest_setting(std::string_view section, std::string_view key);

// The section somebody meant; empty if none comes to mind.
[[nodiscard]] std::string nearest_section(std::string_view section);

}  // namespace fettle::config

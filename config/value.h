// Values of settings as text: reading, judging, writing. Every message names the setting, what was found and what was
// expected.
#pragma once

#include "base/result.h"
#include "config/describe.h"

#include <string>
#include <string_view>

namespace fettle::config {

// What the setting accepts, for a sentence: `an integer from 1 to 128 or "auto"`.
[[nodiscard]] std::string expectation(const Setting& setting);

// `concurrency.threads is 0; expected an integer from 1 to 128`. `found` is already rendered.
[[nodiscard]] Error mismatch(const Setting& setting, std::string_view found);

// Judges range, choice and form of a value whose type is right.
[[nodiscard]] Result<void> check(const Setting& setting, const Value& value);

// Reads and checks a value as written in an environment variable, on the command line or in quotes. Lists: separated by
// commas.
[[nodiscard]] Result<Value> parse_text(const Setting& setting, std::string_view text);

// "500ms", "30s", "5m", "1h", or a plain number of seconds. The number may have a fraction.
[[nodiscard]] Result<Seconds> parse_duration(std::string_view text);

// "64KB", "1MB", "2GB" (1 KB = 1024 bytes), or a plain number of bytes.
[[nodiscard]] Result<std::int64_t> parse_size(std::string_view text);

// The value as it would stand in the TOML file.
[[nodiscard]] std::string to_toml(const Setting& setting, const Value& value);

// Text in double quotes with TOML's escapes.
[[nodiscard]] std::string quoted(std::string_view text);

// The same for messages: a long text is cut.
[[nodiscard]] std::string excerpt(std::string_view text);

// Control characters are escaped as quoted() does, so that a message stays one line whatever it quotes.
[[nodiscard]] std::string one_line(std::string_view text);

}  // namespace fettle::config

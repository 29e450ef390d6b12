// The effective configuration as JSON: the supervisor hands it to the balancer, `fettle config --show --json` prints
// it.
#pragma once

#include "base/result.h"
#include "config/origin.h"

#include <string>
#include <string_view>

namespace fettle::config {

// {"app": {"target": "shop.wsgi", ...}, ...}: every setting; durations are numbers of seconds, "auto" is 0.
[[nodiscard]] std::string to_json(const Config& config);

// The exact inverse. An Error names what is missing, unknown or of a wrong type or range: writer and reader are of one
// version.
[[nodiscard]] Result<Config> from_json(std::string_view text);

// {"app.target": {"value": "shop.wsgi", "origin": "file", "where": "shop.toml:2:10"}, ...}, indented; "auto" as text,
// durations in seconds.
[[nodiscard]] std::string to_json_with_origins(const Effective& effective);

}  // namespace fettle::config

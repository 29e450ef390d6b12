// The form of single texts in the configuration. Each Error says what is wrong without repeating the text.
#pragma once

#include "base/result.h"

#include <string_view>

namespace fettle::config {

// MODULE[:ATTR], both dotted Python names.
[[nodiscard]] Result<void> check_target(std::string_view text);

// An address parse_bind_address() reads.
[[nodiscard]] Result<void> check_bind_address(std::string_view text);

// Somebody to trust: an address, a network or "unix" (config/ip_address.h).
[[nodiscard]] Result<void> check_trusted_peer(std::string_view text);

// The name of an environment variable that a worker may be given.
[[nodiscard]] Result<void> check_variable_name(std::string_view text);

// SCRIPT_NAME of an application that is not at the root: "/shop".
[[nodiscard]] Result<void> check_script_name(std::string_view text);

// A path of the application, perhaps with a query, as in a request line: "/", "/search?q=a%20b".
[[nodiscard]] Result<void> check_warmup_path(std::string_view text);

// A value of an HTTP header field: no control characters (RFC 9110 §5.5).
[[nodiscard]] Result<void> check_header_value(std::string_view text);

}  // namespace fettle::config

// The key=value fields of a log line, for those who read the log by program. Pure.
#pragma once

#include <string>
#include <string_view>

namespace fettle::logging {

// The fields as a JSON object: "worker died seat=3 cause='signal 9'" gives {"seat":3,"cause":"signal 9"}. Whole numbers
// are numbers, except ids (request_id), which only look like it now and then. A key that comes twice keeps its first
// value. What stands behind ": " or a line break is free text, often somebody else's, and has no fields.
[[nodiscard]] std::string fields_as_json(std::string_view line);

}  // namespace fettle::logging

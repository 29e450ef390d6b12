// Text inside a JSON document (RFC 8259 section 7), for the few places that write one without a JSON library.
#pragma once

#include <string>
#include <string_view>

namespace fettle {

// Appends `text` as the inside of a JSON string: quotes, backslashes and control characters are escaped, everything
// else stays as it is (bytes that are no UTF-8 included).
void append_json_text(std::string& out, std::string_view text);

// `text` as a JSON string, with its quotes.
[[nodiscard]] std::string json_string(std::string_view text);

}  // namespace fettle

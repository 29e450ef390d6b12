#include "base/json_text.h"

#include <fmt/format.h>

#include <iterator>

namespace fettle {

void append_json_text(std::string& out, std::string_view text) {
    for (const char character : text) {
        const auto byte = static_cast<unsigned char>(character);
        if (byte == '"' || byte == '\\') {
            out.push_back('\\');
            out.push_back(character);
        } else if (byte < 0x20) {
            fmt::format_to(std::back_inserter(out), "\\u{:04x}", byte);
        } else {
            out.push_back(character);
        }
    }
}

std::string json_string(std::string_view text) {
    std::string json = "\"";
    append_json_text(json, text);
    json.push_back('"');
    return json;
}

}  // namespace fettle
